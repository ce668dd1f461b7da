"""What can go wrong, each with the words a person needs.

ImagesError
├── ReleaseError    a release file is missing or contradicts itself
├── BuildError      a command failed; the end of its output is in the message
├── EntryError      an entry of the catalogue names images that cannot be had, or other ones
├── PushError       a registry refused an image, or cannot be reached
├── RegisterError   the cloud refused the image
└── NotAsked        a database of vulnerabilities did not answer
"""


class ImagesError(Exception):
    """Root of everything this distribution raises on purpose. `exit_code` is the command's."""

    exit_code = 1


class ReleaseError(ImagesError):
    """A release file is missing, misspelt or refers to something it does not define."""


class BuildError(ImagesError):
    """A build step failed. The message names the step and holds the end of its output."""


class RegisterError(ImagesError):
    """Glance did not take the image."""


class EntryError(ImagesError):
    """An entry names images that nothing here makes, or of which other ones are made here."""


class PushError(ImagesError):
    """A registry did not take an image."""


class NotAsked(ImagesError):
    """A database of vulnerabilities is away, or answers something else. It is not known whether anything is known."""

    exit_code = 4
