/* Reference consumer: `consumer NAME SECONDS` prints "time linear angular" at 1 kHz. Build: gcc -O2 consumer.c -lm -lrt
 * Follows without feedback; a real one adds the gains of the record times the deviation of its own state. Apache-2.0. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "physical_ai_servo.h"

static const double BRAKING = 2.0, TURNING = 4.0, TOP = 2.0, TURN = 2.0, SILENCE_S = 0.2, DIRECT_S = 0.2, CYCLE_S = 1e-3;

static double toward_zero(double value, double by) { return copysign(fmax(0.0, fabs(value) - by), value); }
static double clip(double value, double most) { return fmin(fmax(value, -most), most); }

/* 1: `u` holds what is to be driven at `mono`; 0: nobody vouches for anything, brake. */
static int wanted(const double *r, uint32_t length, const double *p, double mono, double *u)
{
    double silent = mono - p[PAI_MONOTONIC_S], now = p[PAI_NOW_S] + fmax(0.0, silent) * p[PAI_PACE];
    if (!(fabs(silent) < SILENCE_S) || !isfinite(now))
        return 0;
    if (p[PAI_FOLLOW] <= PAI_BRAKE)
        return 0;
    if (p[PAI_FOLLOW] <= PAI_OBEY) {
        u[0] = p[PAI_LINEAR], u[1] = p[PAI_ANGULAR];
        return now - p[PAI_NOW_S] < DIRECT_S && isfinite(u[0]) && isfinite(u[1]);
    }
    int steps = length > PAI_STATES ? (int)r[PAI_N] : 0;
    if (steps < 1 || steps > PAI_STEPS || length < (uint32_t)(PAI_STATES + 5 + 17 * steps) || !(r[PAI_DT_S] > 0.0))
        return 0;
    double at = (now - r[PAI_BEGUN_S]) / r[PAI_DT_S];
    if (r[PAI_SEQUENCE] < p[PAI_FOLLOW] || !(now <= r[PAI_VALID_UNTIL_S]) || !(at > -1.0 && at <= steps))
        return 0;
    int k = at < 0.0 ? 0 : at < steps ? (int)at : steps - 1;
    const double *low = r + PAI_STATES + 5 * k, *push = r + PAI_STATES + 5 * (steps + 1) + 2 * k;
    for (int i = 0; i < 2; i++)
        u[i] = low[3 + i] + fmax(0.0, at - k) * (low[8 + i] - low[3 + i]) + r[PAI_LAG_S] * push[i];
    return isfinite(u[0]) && isfinite(u[1]);
}

/* The mailbox of a living controller of this user, or MAP_FAILED: others' files and those left behind are refused. */
static const unsigned char *opened(const char *name)
{
    struct stat found;
    int file = shm_open(name, O_RDONLY, 0);
    void *map = MAP_FAILED;
    if (file < 0)
        return MAP_FAILED;
    if (fstat(file, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid() &&
        (found.st_mode & 07777) == 0600 && found.st_size == (off_t)PAI_SIZE && flock(file, LOCK_SH | LOCK_NB) != 0)
        map = mmap(NULL, PAI_SIZE, PROT_READ, MAP_SHARED, file, 0);
    close(file); /* gives the lock back, where nobody else had it */
    return map;
}

int main(int count, char **words)
{
    static double reference[PAI_NUMBERS], present[16], next_reference[PAI_NUMBERS], next_present[16];
    double said[2] = {0.0, 0.0}, u[2];
    uint64_t seen[2] = {0, 0};
    uint32_t length = 0, got;
    struct timespec due, now;
    double last = -1.0;
    const unsigned char *map = count == 3 ? opened(words[1]) : MAP_FAILED;
    if (map == MAP_FAILED || memcmp(map, PAI_MAGIC, 8) != 0)
        return fprintf(stderr, "no mailbox\n"), 1;
    mlockall(MCL_CURRENT | MCL_FUTURE); /* refused without the right to; then it runs on without */
    clock_gettime(CLOCK_MONOTONIC, &due);
    present[PAI_MONOTONIC_S] = -1e9;
    for (double end = due.tv_sec + atof(words[2]); last < end;) {
        due.tv_nsec += (long)(CYCLE_S * 1e9);
        if (due.tv_nsec >= 1000000000L)
            due.tv_sec++, due.tv_nsec -= 1000000000L;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > due.tv_sec || now.tv_nsec > due.tv_nsec + 1000000L)
            due = now; /* cycles that were missed are left out, not caught up */
        double mono = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec, dt = last < 0.0 ? CYCLE_S : mono - last;
        last = mono;
        if ((got = pai_read(map, PAI_REFERENCE, &seen[0], next_reference, PAI_NUMBERS)) > 0)
            memcpy(reference, next_reference, 8u * (length = got));
        if (pai_read(map, PAI_PRESENT, &seen[1], next_present, 16) == PAI_PRESENT_COUNT)
            memcpy(present, next_present, sizeof present);
        if (wanted(reference, length, present, mono, u))
            said[0] = clip(u[0], TOP), said[1] = clip(u[1], TURN);
        else
            said[0] = toward_zero(said[0], BRAKING * dt), said[1] = toward_zero(said[1], TURNING * dt);
        printf("%.4f %.6f %.6f\n", mono, said[0], said[1]);
    }
    return 0;
}
