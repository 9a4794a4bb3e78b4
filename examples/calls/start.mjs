// Starts a verification with Node 20 or newer, without packages: node start.mjs API_URL REQUEST_ID SESSION_ID
// AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN come from the environment.
// With packages, @smithy/signature-v4 does what sign() does: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHash, createHmac } from "node:crypto";
import { pathToFileURL } from "node:url";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

const region = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION;
if (!region) {
  console.error("set AWS_REGION or AWS_DEFAULT_REGION");
  process.exit(1);
}

// RFC 3986: all but letters, digits and -._~ is encoded.
const encoded = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Gives the headers, and writes url's query as it is signed: encoded, and in order of names, then values.
export function sign(method, url, body) {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = process.env;
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const headers = { "content-type": "application/json", host: url.host, "x-amz-date": time };
  if (token) headers["x-amz-security-token"] = token;
  const names = Object.keys(headers).sort();
  const parameters = [...url.searchParams].map((pair) => pair.map(encoded));
  url.search = parameters.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1])).map((pair) => pair.join("=")).join("&");
  const path = url.pathname.split("/").map(encoded).join("/");
  const canonical = [method, path, url.search.slice(1), ...names.map((name) => `${name}:${headers[name]}`), "", names.join(";"), sha256(body)];
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical.join("\n"))].join("\n");
  const key = scope.split("/").reduce(hmac, `AWS4${secret}`);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return headers;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [apiUrl, requestId, sessionId] = process.argv.slice(2);
  const url = new URL(`${apiUrl}/verifications`);
  const body = JSON.stringify({ requestId, sessionId });
  const answer = await fetch(url, { method: "POST", headers: sign("POST", url, body), body, signal: AbortSignal.timeout(30_000) });
  console.log(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
}
