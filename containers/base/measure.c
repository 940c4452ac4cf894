/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one program of picobench inside a codec's container.
 *
 *   picobench-measure run SECONDS PROGRAM [ARGUMENT...]
 *       Runs a program and writes one line of JSON to standard output: wall time, peak resident set of
 *       its largest process, exit status. What the program writes goes to standard error. A program that
 *       takes longer than SECONDS is killed. Whatever else runs in the container by then is killed before the
 *       report; if something stays all the same, there is no report.
 *
 *   picobench-measure idle
 *       First process of the container: reaps orphans until standard input closes, which happens when
 *       picobench ends, however it ends.
 *
 * Static and free of dependencies, so that it can be copied into any image.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t timed_out;
static pid_t child;

static void on_alarm(int number)
{
    (void)number;
    timed_out = 1;
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
}

static double now(void)
{
    struct timespec value;
    clock_gettime(CLOCK_MONOTONIC, &value);
    return (double)value.tv_sec + 1e-9 * (double)value.tv_nsec;
}

static void start_program(char **program, int error_pipe)
{
    const struct rlimit none = {0, 0};
    int empty = open("/dev/null", O_RDONLY);
    setsid();
    setrlimit(RLIMIT_CORE, &none);
    if (empty >= 0)
        dup2(empty, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(program[0], program);
    int code = errno;
    if (write(error_pipe, &code, sizeof code) < 0)
        _exit(126);
    _exit(127);
}

/*
 * Kill everything in the container but its first process and this one; returns whether nothing is left.
 * A process group would not do, a program can leave it. No process forks its way past kill(-1): the kernel
 * serves them all at once and lets none that has the signal fork. One that is inside a system call ends
 * later than the kill, and may still write into the folder until then: wait for the last.
 */
static int end_everything(void)
{
    const struct timespec pause = {0, 1000000};
    for (int tries = 0; tries < 5000; tries++) {
        if (kill(-1, SIGKILL) != 0 && errno == ESRCH)
            return 1;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int run(double seconds, char **program)
{
    int error_pipe[2], status = 0, code = 0;
    struct rusage usage;
    struct itimerval timer = {{0, 0}, {(time_t)seconds, (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)}};
    if (pipe2(error_pipe, O_CLOEXEC) != 0)
        return 125;
    /* The program runs as the same user: keep it from opening our standard output through /proc. */
    prctl(PR_SET_DUMPABLE, 0);
    double started = now();
    child = fork();
    if (child < 0) {
        fprintf(stderr, "picobench-measure: cannot start a process: %s\n", strerror(errno));
        return 125;
    }
    if (child == 0)
        start_program(program, error_pipe[1]);
    close(error_pipe[1]);
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &timer, NULL);
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 125;
    double elapsed = now() - started;
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    kill(-child, SIGKILL);
    /*
     * Our parent has no number here where an engine put us into the container from outside. Elsewhere others may
     * share our processes, and whoever made a container for this call alone (Apptainer) ends all of it with us.
     */
    if (getppid() == 0 && !end_everything()) {
        fputs("picobench-measure: processes of the program cannot be stopped\n", stderr);
        return 125;
    }
    if (read(error_pipe[0], &code, sizeof code) != sizeof code)
        code = 0;
    printf("{\"seconds\": %.6f, \"peak_memory_bytes\": %ld, \"exit_status\": %d, \"signal\": %d, "
           "\"timed_out\": %s, \"start_error\": %d}\n",
           elapsed, usage.ru_maxrss * 1024L, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
           WIFSIGNALED(status) ? WTERMSIG(status) : 0, timed_out ? "true" : "false", code);
    return 0;
}

static int idle(void)
{
    char buffer[64];
    /* The programs run as the same user: keep them from living on inside this process by way of ptrace. */
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
        if (count == 0 || (count < 0 && errno != EINTR))
            return 0;
    }
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "idle") == 0)
        return idle();
    if (count >= 4 && strcmp(arguments[1], "run") == 0 && atof(arguments[2]) > 0)
        return run(atof(arguments[2]), arguments + 3);
    fputs("usage: picobench-measure run SECONDS PROGRAM [ARGUMENT...] | picobench-measure idle\n", stderr);
    return 125;
}
