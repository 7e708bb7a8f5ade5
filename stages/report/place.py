"""Where a page finds its films: addresses that work from the disk, whatever the files are called."""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit
from urllib.request import url2pathname

SAFE = "/~!$()*,;="  # besides letters, digits and -._~; a colon would look like a scheme


def address_of(path: Path, folder: Path) -> str:
    """The address of `path` from a page in `folder`: relative, each byte that means something in addresses escaped.

    A file on another drive of Windows has no relative path; it gets a file: address.
    """
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:
        return path.resolve().as_uri()
    return quote(os.fsencode(relative.replace(os.sep, "/")), safe=SAFE)


def path_of(address: str, folder: Path) -> Path:
    """The file that a page in `folder` means by an address that `address_of` made."""
    if address.startswith("file:"):
        return Path(url2pathname(urlsplit(address).path))
    return folder / os.fsdecode(unquote_to_bytes(address))
