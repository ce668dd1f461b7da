"""A hook of MkDocs: pages lie where a checkout has them, so that their links work there and in the site.

A page is known by its path from the repository's root, and its address in the site is the same without `docs/`.
Pages outside docs/ are added; the root's README becomes overview.html, since docs/README.md is the site's first page.
The site carries the licence of what it ships.
"""

from importlib.metadata import distribution
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_OUTSIDE_DOCS = {
    "README.md": "overview.html",
    "ARCHITECTURE.md": "architecture.html",
    "CHANGELOG.md": "changelog.html",
    "CONTRIBUTING.md": "develop/contributing.html",
    "SECURITY.md": "operate/security.html",
    "lab/README.md": "develop/lab.html",
    "images/README.md": "develop/images.html",
    "LICENSE": "licences/navarch.txt",
    "NOTICE": "licences/notice.txt",
}
_THEME = "mkdocs-material"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Name the files of docs/ by their path from the root, and add those that lie elsewhere."""
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir)
    found = []
    for file in files:
        if file.src_dir == config.docs_dir:
            source = (docs / file.src_uri).relative_to(root).as_posix()
            file = File(source, str(root), config.site_dir, False, dest_uri=file.dest_uri, inclusion=file.inclusion)
        found.append(file)
    for source, address in _OUTSIDE_DOCS.items():
        found.append(File(source, str(root), config.site_dir, False, dest_uri=address))
    found.append(_licence_of_the_theme(config))
    return Files(found)


def _licence_of_the_theme(config: MkDocsConfig) -> File:
    theme = distribution(_THEME)
    [licence] = [file for file in theme.files or () if file.parts[1:] == ("licenses", "LICENSE")]
    packages = str(theme.locate_file(""))
    return File(licence.as_posix(), packages, config.site_dir, False, dest_uri=f"licences/{_THEME}.txt")
