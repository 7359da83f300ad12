#!/usr/bin/env python3
"""A preprocessor of mdBook: links to files outside of docs/ lead to the repository on the web.

    mdbook build docs      # docs/book.toml names this script
"""

import json
import posixpath
import re
import sys


def to_repository(text: str, page: str, address: str) -> str:
    """Replace links that leave docs/; `page` is relative to it."""
    def replace(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), match[2]))
        return match[0] if target.startswith("docs/") else f"{match[1]}{address}/blob/main/{target}{match[3]}"
    return re.sub(r"(\]\()(\.\./[^)#]*)([^)]*\))", replace, text)


def visit(items: list, address: str) -> None:
    """Change the chapters of a list and those in them."""
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            chapter = item["Chapter"]
            if chapter["path"]:
                chapter["content"] = to_repository(chapter["content"], chapter["path"], address)
            visit(chapter["sub_items"], address)


def main() -> None:
    """Answer mdBook's question, or change the book on standard input."""
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    visit(book["items"], context["config"]["output"]["html"]["git-repository-url"])
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
