#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Make of an ELF dump one as large as one wants: its pages, and GB gigabytes more behind all memory.
# In ELF they are a hole in the file; with --kdump it is in makedumpfile's format, zlib, and they are
# zeros, which that has once, with a descriptor for each.
#
# Usage: bench/enlarge.py [--kdump] DUMP GB OUT
import struct
import sys
import zlib

EHDR, PHDR = "<16sHHIQQQIHHHHHH", "<IIQQQQQQ"
PT_LOAD, PT_NOTE = 1, 4
PAGE = 4096


def round_up(size):
    return -(-size // PAGE) * PAGE


def read_dump(path):
    """The ELF header, and the segments, each with its bytes."""
    with open(path, "rb") as file:
        header = list(struct.unpack(EHDR, file.read(struct.calcsize(EHDR))))
        file.seek(header[5])
        step = struct.calcsize(PHDR)
        segments = [list(struct.unpack(PHDR, file.read(step))) for _ in range(header[10])]
        for segment in segments:
            file.seek(segment[2])
            segment.append(file.read(segment[5]))
    return header, segments


def write_elf(header, segments, end, size, out):
    last = segments[-1]
    segments.append([PT_LOAD, 7, 0, last[3] - last[4] + end, end, size, size, 0, b""])
    header[10] = len(segments)
    at = round_up(struct.calcsize(EHDR) + len(segments) * struct.calcsize(PHDR))
    out.write(struct.pack(EHDR, *header))
    for segment in segments:
        segment[2] = at
        out.write(struct.pack(PHDR, *segment[:8]))
        at = round_up(at + segment[5])
    for segment in segments:
        out.seek(segment[2])
        out.write(segment[8])
    out.truncate(at)


def write_kdump(segments, end, size, out):
    """struct disk_dump_header, struct kdump_sub_header, bitmaps, descriptors, pages."""
    pages, notes = {}, b""
    for segment in segments:
        if segment[0] == PT_NOTE:
            notes += segment[8]
        for at in range(0, segment[5] if segment[0] == PT_LOAD else 0, PAGE):
            pages[(segment[4] + at) // PAGE] = zlib.compress(segment[8][at:at + PAGE], 1)
    zeros, first, more = zlib.compress(bytes(PAGE), 1), end // PAGE, size // PAGE
    bitmap = bytearray(round_up((first + more + 7) // 8))
    for pfn in pages:
        bitmap[pfn // 8] |= 1 << pfn % 8
    first = round_up(first)  # so that whole bytes of the bitmap are set
    bitmap = bytearray(bitmap.ljust(round_up((first + more) // 8), b"\0"))
    bitmap[first // 8:(first + more) // 8] = b"\xff" * (more // 8)
    sub = 1 + round_up(len(notes)) // PAGE  # blocks
    at = (1 + sub) * PAGE + 2 * len(bitmap) + (len(pages) + more) * 24
    info = notes.index(b"VMCOREINFO\0\0") + 12
    info_size = struct.unpack_from("<I", notes, info - 20)[0]
    out.write(struct.pack("<8sI", b"KDUMP   ", 6))
    out.write(b"".join(text.ljust(65, b"\0")
                       for text in (b"Linux", b"bench", b"", b"", b"x86_64", b"")))
    out.seek(424)
    out.write(struct.pack("<IIIII", 1, PAGE, sub, 2 * len(bitmap) // PAGE,
                          min(first + more, 0xffffffff)))
    out.seek(PAGE)
    out.write(struct.pack("<QIIQQQQQQQQQQQ", 0, 0, 0, 0, 0, 2 * PAGE + info, info_size, 2 * PAGE,
                          len(notes), 0, 0, 0, 0, first + more))
    out.seek(2 * PAGE)
    out.write(notes)
    out.seek((1 + sub) * PAGE)
    out.write(bitmap + bitmap)
    for pfn in sorted(pages):
        out.write(struct.pack("<QIIQ", at, len(pages[pfn]), 1, 0))
        at += len(pages[pfn])
    out.write(struct.pack("<QIIQ", at, len(zeros), 1, 0) * more)
    out.write(b"".join(pages[pfn] for pfn in sorted(pages)) + zeros)


def main():
    kdump = sys.argv[1] == "--kdump"
    source, gigabytes, out = sys.argv[1 + kdump:]
    header, segments = read_dump(source)
    end = round_up(max(segment[4] + segment[6] for segment in segments))
    size = int(float(gigabytes) * (1 << 30))
    with open(out, "wb") as file:
        if kdump:
            write_kdump(segments, end, size, file)
        else:
            write_elf(header, segments, end, size, file)


main()
