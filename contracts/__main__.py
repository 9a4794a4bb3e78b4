"""python -m contracts: generates openapi.yaml, asyncapi.yaml and schemas/ from the types."""

from contracts import asyncapi, openapi, schemas


def main() -> None:
    """Writes the files that differ, and prints their names."""
    for path, text in {**schemas.files(), **openapi.files(), **asyncapi.files()}.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"Written: {path.parent.name}/{path.name}")


if __name__ == "__main__":
    main()
