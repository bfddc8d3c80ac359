"""The system calls that a program may make: it computes, reads what it was given and writes to its pipes.

No sockets but pairs, no processes, no signals to others, no limits raised. What isn't listed fails with EPERM, as it does
for any program that lacks a right. Sources: Linux, include/uapi/linux/{filter,seccomp,audit}.h; arch/x86/entry/syscalls/
syscall_64.tbl; include/uapi/asm-generic/unistd.h (6.12).
"""

import errno
import struct
from types import MappingProxyType

_X86_64 = (
    # read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn
    *range(16),
    # ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise
    *range(16, 29),
    # dup dup2 pause nanosleep getitimer alarm setitimer getpid
    *range(32, 40),
    45,  # recvfrom
    53,  # socketpair
    60,  # exit
    63,  # uname
    72,  # fcntl
    *(74, 75, *range(77, 81)),  # fsync fdatasync ftruncate getdents getcwd chdir
    *range(82, 85),  # rename mkdir rmdir
    87,  # unlink
    89,  # readlink
    *range(95, 100),  # umask gettimeofday getrlimit getrusage sysinfo
    100,  # times
    102,  # getuid
    104,  # getgid
    *(107, 108, 110, 111),  # geteuid getegid getppid getpgrp
    131,  # sigaltstack
    158,  # arch_prctl
    186,  # gettid
    201,  # time
    202,  # futex
    204,  # sched_getaffinity
    213,  # epoll_create
    217,  # getdents64
    *range(228, 234),  # clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl
    257,  # openat
    258,  # mkdirat
    262,  # newfstatat
    263,  # unlinkat
    264,  # renameat
    267,  # readlinkat
    269,  # faccessat
    270,  # pselect6
    271,  # ppoll
    273,  # set_robust_list
    281,  # epoll_pwait
    *(290, 291, 292, 293),  # eventfd2 epoll_create1 dup3 pipe2
    316,  # renameat2
    318,  # getrandom
    332,  # statx
    334,  # rseq
    439,  # faccessat2
)
_X86_64_BEGINS = (
    *(40, 57, 58, 59, 61, 62),  # sendfile fork vfork execve wait4 kill
    *(
        76,
        86,
        88,
        90,
        91,
        115,
        118,
        120,
        121,
        124,
    ),  # truncate link symlink chmod fchmod getgroups getres*id getpgid getsid
    *(137, 138, 160, 218, 221, 247),  # statfs fstatfs setrlimit set_tid_address fadvise64 waitid
    *range(191, 197),  # getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    *(
        265,
        266,
        268,
        275,
        280,
        285,
        302,
        326,
    ),  # linkat symlinkat fchmodat splice utimensat fallocate prlimit64 copy_file_range
)
"""What a shell needs beside, to begin programs."""
_AARCH64 = (
    *(17, 19, 20, 21, 22, 23, 24, 25, 29),  # getcwd eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl ioctl
    *(34, 35, 38, 46, 48, 49),  # mkdirat unlinkat renameat ftruncate faccessat chdir
    *(56, 57, 59, 61, 62),  # openat close pipe2 getdents64 lseek
    *range(63, 69),  # read write readv writev pread64 pwrite64
    *(72, 73, 78, 79, 80, 82, 83),  # pselect6 ppoll readlinkat newfstatat fstat fsync fdatasync
    *(93, 94, 98, 99, 101, 102, 103),  # exit exit_group futex set_robust_list nanosleep getitimer setitimer
    *(113, 114, 115, 123, 124),  # clock_gettime clock_getres clock_nanosleep sched_getaffinity sched_yield
    *(132, 134, 135, 139, 153, 155, 160),  # sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn times getpgid uname
    *(163, 165, 166, 169),  # getrlimit getrusage umask gettimeofday
    *range(172, 180),  # getpid getppid getuid geteuid getgid getegid gettid sysinfo
    *(199, 207, 214, 215, 216, 222),  # socketpair recvfrom brk munmap mremap mmap
    *(226, 227, 232, 233),  # mprotect msync mincore madvise
    *(276, 278, 291, 293, 439),  # renameat2 getrandom statx rseq faccessat2
)
_AARCH64_BEGINS = (
    *range(8, 14),  # getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    *(36, 37, 43, 44, 45, 47, 52, 53),  # symlinkat linkat statfs fstatfs truncate fallocate fchmod fchmodat
    *(71, 76, 88, 95, 96, 129),  # sendfile splice utimensat waitid set_tid_address kill
    *(
        148,
        150,
        156,
        158,
        164,
        221,
        223,
        260,
        261,
        285,
    ),  # getres*id getsid getgroups setrlimit execve … copy_file_range
)
_MACHINES = MappingProxyType(
    {
        "x86_64": (0xC000003E, _X86_64, _X86_64_BEGINS, 56, 44),
        "aarch64": (0xC00000B7, _AARCH64, _AARCH64_BEGINS, 220, 206),
    }
)
"""By `os.uname().machine`: AUDIT_ARCH, the calls, a shell's beside, and the numbers of `clone` and `sendto`."""
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_CLONE_NEW = 0x7E020000
"""Flags that make namespaces."""
_X32 = 0x40000000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def program(machine: str, *, begins: bool = False) -> bytes | None:
    """The filter, as the kernel takes it; None: nobody wrote one for such a machine. `begins`: it may begin programs."""
    found = _MACHINES.get(machine)
    if found is None:
        return None
    arch, calls, more, clone, sendto = found
    calls = (*calls, *more) if begins else calls
    cloned = (_CLONE_NEW, 1, 0) if begins else (_CLONE_THREAD, 0, 1)
    refuse = _one(_RETURN, _ERRNO | errno.EPERM)
    lines = [
        _one(_LOAD, 4),  # seccomp_data.arch
        _one(_EQUAL, arch, 1, 0),
        refuse,
        _one(_LOAD, 0),  # seccomp_data.nr
        _one(_AT_LEAST, _X32, 0, 1),
        refuse,
        _one(_EQUAL, _CLONE3, 0, 1),
        _one(_RETURN, _ERRNO | errno.ENOSYS),  # so that threads are begun by clone, whose flags can be read
        _one(_EQUAL, clone, 0, 4),
        _one(_LOAD, 16),  # seccomp_data.args[0]
        _one(_ANY_BIT, *cloned),
        _one(_RETURN, _ALLOW),
        refuse,
        _one(_EQUAL, sendto, 0, 6),  # to the other end of a pair, which has no address
        _one(_LOAD, 48),  # seccomp_data.args[4], its lower half
        _one(_EQUAL, 0, 0, 3),
        _one(_LOAD, 52),
        _one(_EQUAL, 0, 0, 1),
        _one(_RETURN, _ALLOW),
        refuse,
    ]
    for number in sorted(calls):
        lines += [_one(_EQUAL, number, 0, 1), _one(_RETURN, _ALLOW)]
    return b"".join([*lines, refuse])


def _one(code: int, operand: int, yes: int = 0, no: int = 0) -> bytes:
    """One `struct sock_filter`."""
    return struct.pack("=HBBI", code, yes, no, operand)
