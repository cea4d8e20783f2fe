"""Fill the cache with what the versions of a series share: mails, trees, kernel and selftests of each base.

No code of a series is built or run here, so a cache that is saved now is safe for every job that tests one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from series_ci.host import requirements, scratch
from series_ci.kernel.store import Store
from series_ci.mail import fetch
from series_ci.mail.archive import open_archive
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress, count


def prepare_builds(requests: Sequence[Request], progress: Progress) -> None:
    """Fetch the mails of all requests, and build each base once. Raises the first error of any of them."""
    requirements.require(requests[0].arch, requests[0].toolchain)
    archive = open_archive(requests[0].archive)
    with progress.step("mails") as step:
        for request in requests:
            step.update(request.label)
            fetch.fetch_version(request.message_ids, archive, tell=progress.say)
        step.note(count(len(requests), "version"))
    by_trees = {request.trees: request for request in reversed(requests)}
    with scratch.folder("prepare") as folder:
        for request in reversed(by_trees.values()):
            base, _refused = stages.find_base(request, progress)
            with Store(base.store).in_use(progress.say):
                stages.make_base(replace(request, out=folder), base, progress)
