"""The pictures in the documents, made from the definition itself and from real runs."""
