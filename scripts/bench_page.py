"""What the pages of benchmarks share."""
import datetime
import os
import pathlib
import platform
import subprocess
import textwrap


def wrap(text):
    """The paragraphs of text in lines of the documents' length; tables, headings and
    figures stay."""
    parts = text.split("\n\n")
    return "\n\n".join(p if p.lstrip()[:1] in ("|", "#", "!") else textwrap.fill(p, 132, break_on_hyphens=False) for p in parts)


def machine():
    """The date, the machine and Go."""
    with open("/proc/cpuinfo") as f:
        words = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines())
    words = {k.strip(): v.strip() for k, v in words.items()}
    flags = words.get("flags", "").split()
    have = [name for flag, name in (("avx2", "AVX2"), ("fma", "FMA"), ("avx512f", "AVX-512"), ("hypervisor", "virtual machine")) if flag in flags]
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 1e6
    go = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip().removeprefix("go")
    return (f"{datetime.date.today()} on {os.cpu_count()} cores of an {words.get('model name', platform.machine())} ({', '.join(have)}), "
            f"last cache {last_cache()}, {memory:.0f} GB of memory, {platform.system()} {platform.release().split('-')[0]}, Go {go}")


def last_cache():
    sizes = sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"))
    return sizes[-1].read_text().strip().replace("K", " KiB") if sizes else "unknown"
