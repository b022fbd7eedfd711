"""The checksum of everything that Raft keeps on disk: CRC-32C, computed by the processor."""

import google_crc32c


def crc32c(data: bytes, seed: int = 0) -> int:
    """Return the CRC-32C of `data`, continued from `seed`.

    Source: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
    """
    checksum: int = google_crc32c.extend(seed, data)
    return checksum
