"""One guest: packed, booted under QEMU, watched, read into a Run. The only room that runs QEMU."""
