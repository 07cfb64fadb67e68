"""The work of cuda-kernels.sh: NVRTC through ctypes, then ptxas."""

import concurrent.futures
import ctypes
import gzip
import hashlib
import os
import pathlib
import re
import subprocess
import sys

SOURCES = pathlib.Path("cuda/kernels")
TABLE = pathlib.Path("docs/benchmarks/cuda-kernels.md")
TARGETS = ["sm_80", "sm_90"]
TOOLKIT = pathlib.Path(os.environ["M2PT_CUDA"])
HEAD = "// sources: sha256 "


class Module:
    """A file compiled once, or for one of the storages of activations."""

    def __init__(self, source, storage=None):
        self.source = source
        self.name = source.stem + (f"_{storage}" if storage else "")
        self.options = ["-DT_BF16"] if storage == "bf16" else []
        self.path = SOURCES / "ptx" / f"{self.name}.ptx.gz"

    def hash(self, headers):
        """The SHA-256 of what `sha256sum *.h X.cu` prints, as package kernels takes it."""
        lines = [f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in sorted(headers.items())]
        lines.append(f"{hashlib.sha256(self.source.read_bytes()).hexdigest()}  {self.source.name}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def committed(self):
        return gzip.decompress(self.path.read_bytes()).decode() if self.path.exists() else ""


def modules():
    found = []
    for source in sorted(SOURCES.glob("*.cu")):
        typed = '\n#include "typed.h"\n' in source.read_text()
        found += [Module(source, s) for s in (["f32", "bf16"] if typed else [None])]
    return found


class Compiler:
    def __init__(self, headers):
        library = TOOLKIT / "lib"
        ctypes.CDLL(next(library.glob("libnvrtc-builtins.so.*")), mode=ctypes.RTLD_GLOBAL)
        self.nvrtc = ctypes.CDLL(next(library.glob("libnvrtc.so.*")))
        self.names = (ctypes.c_char_p * len(headers))(*[n.encode() for n in headers])
        self.texts = (ctypes.c_char_p * len(headers))(*headers.values())

    def text(self, size, get, program):
        n = ctypes.c_size_t()
        size(program, ctypes.byref(n))
        buffer = ctypes.create_string_buffer(n.value + 1)
        get(program, buffer)
        return buffer.value.decode()

    def compile(self, module):
        """The module's PTX, or an exception with the compiler's log."""
        n, program = self.nvrtc, ctypes.c_void_p()
        options = ["--gpu-architecture=compute_80", "--std=c++17", "-default-device", *module.options]
        n.nvrtcCreateProgram(ctypes.byref(program), module.source.read_bytes(), module.source.name.encode(),
                             len(self.names), self.texts, self.names)
        failed = n.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*[o.encode() for o in options]))
        log = self.text(n.nvrtcGetProgramLogSize, n.nvrtcGetProgramLog, program)
        ptx = "" if failed else self.text(n.nvrtcGetPTXSize, n.nvrtcGetPTX, program)
        n.nvrtcDestroyProgram(ctypes.byref(program))
        if failed or log.strip():
            raise ValueError(f"compile {module.name}:\n{log}")  # warnings too
        return ptx


def assemble(module, ptx):
    """{kernel: {target: (registers, static shared memory, spilled bytes)}} of a module."""
    rows = {}
    for target in TARGETS:
        done = subprocess.run([TOOLKIT / "bin/ptxas", "-v", f"-arch={target}", "-o", "/dev/null", "-"], input=ptx,
                              capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"assemble {module.name} for {target}:\n{done.stderr}")
        for part in done.stderr.split("Compiling entry function ")[1:]:
            kernel = re.match(r"'(\w+)'", part)[1]
            spills = sum(map(int, re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part).groups()))
            shared = re.search(r"(\d+) bytes smem", part)
            registers = int(re.search(r"Used (\d+) registers", part)[1])
            rows.setdefault(kernel, {})[target] = (registers, int(shared[1]) if shared else 0, spills)
    return rows


def table(rows, release):
    lines = [
        "# CUDA kernels",
        "",
        f"What the assembler of CUDA {release} makes of the PTX, written by `scripts/cuda-kernels.sh`. Registers are of a thread",
        "(with the bytes that it spills, of which there must be none), static shared memory is bytes of a block.",
        "",
        "| kernel | " + " | ".join(f"registers {t}" for t in TARGETS) + " | static shared memory |",
        "|---|" + "--:|" * (len(TARGETS) + 1),
    ]
    for kernel in sorted(rows):
        use = rows[kernel]
        registers = [str(use[t][0]) + (f" ({use[t][2]})" if use[t][2] else "") for t in TARGETS]
        lines.append("| " + " | ".join([kernel, *registers, str(use[TARGETS[0]][1])]) + " |")
    return "\n".join(lines) + "\n"


def build(found, headers, everything):
    """PTX texts by module: those that are up to date as they are, unless everything."""
    compiler, texts, stale = Compiler(headers), {}, []
    for m in found:
        head = HEAD + m.hash(headers) + "\n"
        texts[m] = m.committed()
        if everything or not texts[m].startswith(head):
            stale.append((m, head))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (m, head), ptx in zip(stale, pool.map(lambda s: compiler.compile(s[0]), stale)):
            texts[m] = head + ptx
    return texts


def differences(texts, page):
    for m, ptx in texts.items():
        if m.committed() != ptx:
            yield str(m.path)
    for path in set((SOURCES / "ptx").glob("*")) - {m.path for m in texts}:
        yield str(path)
    if not TABLE.exists() or TABLE.read_text() != page:
        yield str(TABLE)


def write(texts, page):
    (SOURCES / "ptx").mkdir(exist_ok=True)
    for path in set((SOURCES / "ptx").glob("*")) - {m.path for m in texts}:
        path.unlink()
    for m, ptx in texts.items():
        if m.committed() != ptx:
            m.path.write_bytes(gzip.compress(ptx.encode(), mtime=0))
            print(f"wrote {m.path}")
    if not TABLE.exists() or TABLE.read_text() != page:
        TABLE.write_text(page)
        print(f"wrote {TABLE}")


def main():
    check = sys.argv[1:] == ["-c"]
    headers = {p.name: p.read_bytes() for p in SOURCES.glob("*.h")}
    texts = build(modules(), headers, check)
    rows = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(assemble, texts.keys(), texts.values()):
            rows.update(part)
    page = table(rows, next(iter((TOOLKIT / "lib").glob("libnvrtc-builtins.so.*"))).name.split(".so.")[1])
    if not check:
        write(texts, page)
    elif different := list(differences(texts, page)):
        sys.exit("out of date: " + ", ".join(sorted(different)) + ": run scripts/cuda-kernels.sh")
    else:
        print(f"{len(rows)} kernels in {len(texts)} modules are as compiled")
    spilled = [f"{k} for {t}: {use[t][2]} bytes" for k, use in rows.items() for t in TARGETS if use[t][2]]
    if spilled:
        sys.exit("registers spill in " + ", ".join(spilled))


try:
    main()
except ValueError as e:
    sys.exit(str(e))
