"""series-ci: take one version of a kernel patch series from the mailing list to a verdict."""

__version__ = "0.1.0"
