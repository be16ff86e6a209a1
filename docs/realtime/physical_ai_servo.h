/* Shared memory of the controller for hard-real-time consumers. Layout: docs/control-realtime.md.
 *
 * Open "/NAME.DOMAIN.NAMESPACE" read-only with shm_open, NAME of the parameter `servo_mailbox`; see that it is of your
 * user, of mode 0600, and locked by its writer; map PAI_SIZE bytes, read both slots every cycle with pai_read. Nothing here blocks, allocates or calls the kernel. Apache-2.0.
 */
#ifndef PHYSICAL_AI_SERVO_H
#define PHYSICAL_AI_SERVO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAI_MAGIC "PAISRV01"
#define PAI_STEPS 60                              /* most steps of a trajectory */
#define PAI_NUMBERS (6 + (PAI_STEPS + 1) * 17)    /* doubles of the reference slot */
#define PAI_REFERENCE 8                           /* offsets of the slots, bytes */
#define PAI_PRESENT (PAI_REFERENCE + 16 + 8 * PAI_NUMBERS)
#define PAI_REPLY (PAI_PRESENT + 16 + 8 * 16)
#define PAI_REPORT (PAI_REPLY + 16 + 8 * 16)
#define PAI_VOICE (PAI_REPORT + 16 + 8 * 1024)
#define PAI_SIZE (PAI_VOICE + 16 + 8 * 16)

/* Indices of the reference slot; behind the head come states (N+1, 5), inputs (N, 2), gains (N, 2, 5), by rows. */
enum { PAI_SEQUENCE, PAI_BEGUN_S, PAI_VALID_UNTIL_S, PAI_DT_S, PAI_LAG_S, PAI_N, PAI_STATES };
/* Values of PAI_FOLLOW that are no sequence: obey the command; brake at once. */
#define PAI_OBEY (-1.0)
#define PAI_BRAKE (-2.0)
/* Indices of the present slot. PAI_FOLLOW: sequence to follow, PAI_OBEY, PAI_BRAKE. State: x, y, yaw, v, w. */
enum { PAI_NOW_S, PAI_MONOTONIC_S, PAI_PACE, PAI_FOLLOW, PAI_LINEAR, PAI_ANGULAR, PAI_STATE, PAI_PRESENT_COUNT = 11 };

static inline uint32_t pai_crc32(const unsigned char *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* Copies the record of the slot at `offset` into `out` (`most` doubles). Returns how many doubles it holds; 0 when
 * nothing is newer than `*seen`, the record is being written, or it is torn. */
static inline uint32_t pai_read(const unsigned char *map, size_t offset, uint64_t *seen, double *out, uint32_t most)
{
    const _Atomic uint64_t *lock = (const _Atomic uint64_t *)(const void *)(map + offset);
    uint32_t head[2];
    uint64_t before = atomic_load_explicit(lock, memory_order_acquire);
    if (before == *seen || (before & 1u))
        return 0;
    memcpy(head, map + offset + 8, sizeof head);
    if (head[0] == 0 || head[0] > most)
        return 0;
    memcpy(out, map + offset + 16, 8u * head[0]);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(lock, memory_order_relaxed) != before)
        return 0;
    if (pai_crc32((const unsigned char *)out, 8u * head[0]) != head[1])
        return 0;
    *seen = before;
    return head[0];
}

#endif
