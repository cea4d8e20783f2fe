"""The names of what a build leaves for readers: in the caches of kernels and selftests, and in a run directory."""

BUILD_LOG = "build.log"
"""What make said of a kernel."""

SELFTESTS_LOG = "selftests.log"
"""What make said of the selftests."""

CONFIG = "config"
"""The kernel's configuration."""
