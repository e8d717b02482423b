/* The cost of an operating system's primitives, in guest instructions.
 *
 * One source for every system compared: the xv6 user API by default, Linux with -DLINUX (static, run as
 * init or as any program). Run it on one hart under `-icount shift=0`, where rdinstret counts every
 * instruction of user and kernel, exactly. SELF is the path under which the program finds itself.
 *
 * Each line printed: BENCH <row> <instructions per operation>. */
#ifdef LINUX
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
typedef unsigned long uint64;
#define exec(path, argv)  execv(path, argv)
#define create_file(path) open(path, O_CREAT | O_RDWR, 0644)
#define null_syscall()    syscall(SYS_getpid)
#else
#include "kernel/types.h"
#include "kernel/stat.h"
#include "kernel/fcntl.h"
#include "user/user.h"
#define create_file(path) open(path, O_CREATE | O_RDWR)
#define null_syscall()    getpid()
#endif

#ifndef SELF
#define SELF "/bin/primitives"
#endif

#define PAGE 4096

static char buf[65536];

static inline uint64 now(void)
{
    uint64 x;
    __asm__ volatile("rdinstret %0" : "=r"(x) : : "memory");
    return x;
}

static void report(const char *row, uint64 total, uint64 n)
{
    printf("BENCH %s %d\n", row, (int)(total / n));
}

static void bench_syscall(void)
{
    int n = 2000;
    for (int i = 0; i < 100; i++)
        null_syscall();
    uint64 t = now();
    for (int i = 0; i < n; i++)
        null_syscall();
    report("null-syscall", now() - t, n);
}

static void bench_pipe(void)
{
    char c = 'x';
    int p[2], a[2], b[2], n = 500;

    pipe(p);
    for (int i = 0; i < 10; i++) {
        write(p[1], &c, 1);
        read(p[0], &c, 1);
    }
    uint64 t = now();
    for (int i = 0; i < n; i++) {
        write(p[1], &c, 1);
        read(p[0], &c, 1);
    }
    report("pipe-1byte-self", now() - t, n);
    close(p[0]);
    close(p[1]);

    pipe(a);
    pipe(b);
    if (fork() == 0) {
        for (int i = 0; i < n + 10; i++) {
            read(a[0], &c, 1);
            write(b[1], &c, 1);
        }
        exit(0);
    }
    for (int i = 0; i < 10; i++) {
        write(a[1], &c, 1);
        read(b[0], &c, 1);
    }
    t = now();
    for (int i = 0; i < n; i++) {
        write(a[1], &c, 1);
        read(b[0], &c, 1);
    }
    report("pingpong-roundtrip", now() - t, n);
    wait(0);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);

    pipe(a);
    if (fork() == 0) {
        close(a[0]);
        for (int i = 0; i < 256; i++)
            if (write(a[1], buf, PAGE) != PAGE)
                exit(1);
        exit(0);
    }
    close(a[1]);
    int got = 0, r;
    t = now();
    while ((r = read(a[0], buf, PAGE)) > 0)
        got += r;
    report("pipe-per-KB", now() - t, got / 1024);
    wait(0);
    close(a[0]);
}

static uint64 forks(int n, int run_exec)
{
    static char self[] = SELF, nop[] = "nop";
    char *argv[] = {self, nop, 0};
    uint64 t = now();
    for (int i = 0; i < n; i++) {
        if (fork() == 0) {
            if (run_exec)
                exec(SELF, argv);
            exit(run_exec);
        }
        wait(0);
    }
    return now() - t;
}

static void bench_process(void)
{
    forks(2, 0);
    report("fork-exit-wait", forks(30, 0), 30);
    forks(2, 1);
    report("fork-exec-wait", forks(20, 1), 20);

    int n = 256;
    for (int round = 0; round < 2; round++) {
        uint64 t = now();
        char *m = sbrk(n * PAGE);
        for (int i = 0; i < n; i++)
            m[i * PAGE] = 1;
        sbrk(-n * PAGE);
        if (round)
            report("sbrk-touch-per-page", now() - t, n);
    }

    char *m = sbrk(1024 * PAGE);
    for (int i = 0; i < 1024; i++)
        m[i * PAGE] = 1;
    report("fork-4MB", forks(5, 0), 5);
    sbrk(-1024 * PAGE);
}

static void bench_file(void)
{
    int n = 300, fd = create_file("bf");
    write(fd, buf, 1024);
    close(fd);
    uint64 t = now();
    for (int i = 0; i < n; i++) {
        fd = open("bf", O_RDONLY);
        close(fd);
    }
    report("open-close", now() - t, n);

    fd = create_file("bg");
    for (int i = 0; i < 16; i++)
        write(fd, buf, PAGE);
    close(fd);
    for (int round = 0; round < 2; round++) {
        fd = open("bg", O_RDONLY);
        t = now();
        for (int i = 0; i < 16; i++)
            read(fd, buf, PAGE);
        if (round)
            report("read-warm-per-KB", now() - t, 64);
        close(fd);
    }

    for (int round = 0; round < 2; round++) {
        unlink("bh");
        fd = create_file("bh");
        t = now();
        for (int i = 0; i < 64; i++)
            write(fd, buf, PAGE);
        close(fd);
        if (round)
            report("write-new-per-KB", now() - t, 256);
    }
    unlink("bh");
    unlink("bg");
    unlink("bf");

    n = 30;
    t = now();
    for (int i = 0; i < n; i++) {
        fd = create_file("bc");
        close(fd);
        unlink("bc");
    }
    report("create-unlink", now() - t, n);
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == 'n')
        exit(0);
#ifdef LINUX
    if (getpid() == 1) {
        mount("none", "/dev", "devtmpfs", 0, 0);
        mkdir("/tmp", 0777);
        chdir("/tmp");
        setvbuf(stdout, 0, _IONBF, 0);
    }
#endif
    bench_syscall();
    bench_pipe();
    bench_process();
    bench_file();
#ifdef LINUX
    if (getpid() == 1) {
        sync();
        reboot(RB_POWER_OFF);
    }
#endif
    exit(0);
}
