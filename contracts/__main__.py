"""python -m contracts: generates schemas/ from the types."""

from contracts import schemas


def main() -> None:
    """Writes the files that differ, and prints their names."""
    for path, text in schemas.files().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"Written: {path.parent.name}/{path.name}")


if __name__ == "__main__":
    main()
