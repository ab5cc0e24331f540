/* Sends to many sockets by one system call: what each took, which are full, which are gone. */
#include "io/send_many.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N NMW_SEND_MANY_MAX

static int end[N][2];

static void begin(void)
{
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, end[i]), 0);
}

static void finish(void)
{
	for (unsigned i = 0; i < N; i++) {
		close(end[i][0]);
		close(end[i][1]);
	}
}

static void fill(int fd)
{
	static const uint8_t much[1 << 16];
	while (send(fd, much, sizeof much, MSG_DONTWAIT) > 0)
		;
}

/* Number 3 is full, number 5 has nobody at its other end. */
static void each_takes_its_own(struct nmw_send_many *m, unsigned n, unsigned most_calls)
{
	struct nmw_send_one v[N];
	uint8_t byte[N][2], got[4];
	begin();
	fill(end[3][0]);
	close(end[5][1]);
	for (unsigned i = 0; i < n; i++) {
		byte[i][0] = byte[i][1] = (uint8_t)(i + 1);
		v[i] = (struct nmw_send_one){.fd = end[i][0], .p = byte[i], .len = 2};
	}
	unsigned calls = nmw_send_many(m, v, n);
	ck_assert_uint_ge(calls, 1);
	ck_assert_uint_le(calls, most_calls);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(v[i].res, i == 3 ? -EAGAIN : i == 5 ? -EPIPE : 2);
		if (i == 3 || i == 5)
			continue;
		ck_assert_int_eq(recv(end[i][1], got, sizeof got, MSG_DONTWAIT), 2);
		ck_assert_uint_eq(got[0], i + 1);
	}
	end[5][1] = -1;
	finish();
}

START_TEST(one_system_call_for_many)
{
	struct nmw_send_many *m = nmw_send_many_open();
	if (!m)
		return; /* io_uring is forbidden here */
	for (unsigned i = 0; i < 3; i++) {
		each_takes_its_own(m, N, 1);
		each_takes_its_own(m, NMW_SEND_MANY_MIN, 1);
	}
	nmw_send_many_close(m);
}
END_TEST

START_TEST(few_and_without_io_uring_one_by_one)
{
	struct nmw_send_many *m = nmw_send_many_open();
	each_takes_its_own(m, NMW_SEND_MANY_MIN - 1, NMW_SEND_MANY_MIN - 1);
	each_takes_its_own(NULL, N, N);
	nmw_send_many_close(m);
	nmw_send_many_close(NULL);
}
END_TEST

/* A stream that has room for a part takes that part. */
START_TEST(a_part_is_a_part)
{
	static uint8_t much[1 << 20];
	struct nmw_send_many *m = nmw_send_many_open();
	struct nmw_send_one v[N];
	begin();
	for (unsigned i = 0; i < N; i++)
		v[i] = (struct nmw_send_one){
			.fd = end[i][0], .p = much, .len = i % 2 ? sizeof much : 1};
	nmw_send_many(m, v, N);
	for (unsigned i = 0; i < N; i++) {
		ck_assert_int_gt(v[i].res, 0);
		ck_assert_int_lt(v[i].res, (int)sizeof much);
	}
	finish();
	nmw_send_many_close(m);
}
END_TEST

/* A ring serves the thread that made it: to another it fails, as it might for any reason. */
static void *in_another_thread(void *m)
{
	struct nmw_send_one v[N];
	begin();
	for (unsigned i = 0; i < N; i++)
		v[i] = (struct nmw_send_one){.fd = end[i][0], .p = "ab", .len = 2};
	nmw_send_many(m, v, N);
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(v[i].res, -EAGAIN);
	ck_assert_uint_eq(nmw_send_many(m, v, N), N);
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(v[i].res, 2);
	finish();
	return NULL;
}

START_TEST(a_ring_that_fails_is_given_up)
{
	struct nmw_send_many *m = nmw_send_many_open();
	pthread_t t;
	if (!m)
		return; /* io_uring is forbidden here */
	ck_assert_int_eq(pthread_create(&t, NULL, in_another_thread, m), 0);
	pthread_join(t, NULL);
	nmw_send_many_close(m);
}
END_TEST

UNIT_MAIN("send many", one_system_call_for_many, few_and_without_io_uring_one_by_one,
	  a_part_is_a_part, a_ring_that_fails_is_given_up)
