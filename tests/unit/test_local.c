/* Sockets in the run directory: whose they are, whether somebody lives there, and what is not ours
 * to say. */
#include "io/local.h"
#include "ring_fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct nmw_local_kind kind = {
	.name = "test socket", .in_use = "take another", .absent = "start it"};
static char path[128];

static int listen_here(void)
{
	snprintf(path, sizeof path, "%s/socket", fx_dir);
	fx_err = (struct nmw_err)NMW_ERR_INIT;
	return nmw_local_listen(&kind, path, false, &fx_err);
}

/* The same as another user, who may put files into the directory and take them away. */
static int listen_as(uid_t uid)
{
	uid_t me = geteuid();
	ck_assert_int_eq(chmod(fx_dir, 0777), 0);
	ck_assert_int_eq(seteuid(uid), 0);
	int rc = listen_here();
	ck_assert_int_eq(seteuid(me), 0);
	return rc;
}

static bool there(void)
{
	return access(path, F_OK) == 0;
}

START_TEST(a_dead_one_makes_way)
{
	int fd = listen_here();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen_here(), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, ": take another"));
	nmw_local_reap(path);
	ck_assert(there());
	close(fd);
	ck_assert(there());
	fd = listen_here();
	ck_assert_int_ge(fd, 0);
	close(fd);
	nmw_local_reap(path);
	ck_assert(!there());
}
END_TEST

/* Of whatever type it is. */
START_TEST(one_that_listens_to_streams_stays)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(path, sizeof path, "%s/socket", fx_dir);
	ck_assert_uint_lt(strlen(path), sizeof a.sun_path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	nmw_local_reap(path);
	ck_assert(there());
	ck_assert_int_eq(listen_here(), -EADDRINUSE);
	ck_assert(there());
	close(fd);
}
END_TEST

START_TEST(one_that_may_not_be_asked_stays)
{
	char want[200];
	if (geteuid() != 0) {
		puts("one_that_may_not_be_asked_stays: skipped: it takes root to be two users");
		return;
	}
	int fd = listen_here();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(listen_as(65534), -EACCES);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PERM);
	snprintf(want, sizeof want,
		 "test socket %s: Permission denied: it is user 0's, user 65534 expected: ", path);
	ck_assert_msg(!strncmp(fx_err.msg, want, strlen(want)), "%s", fx_err.msg);
	ck_assert_int_eq(seteuid(65534), 0);
	nmw_local_reap(path);
	fx_err = (struct nmw_err)NMW_ERR_INIT;
	int rc = nmw_local_connect(&kind, path, false, &fx_err);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(rc, -EACCES);
	ck_assert_msg(!strncmp(fx_err.msg, want, strlen(want)), "%s", fx_err.msg);
	int to = nmw_local_connect(&kind, path, false, &fx_err);
	ck_assert_int_ge(to, 0); /* it is there, and answers */
	close(to);
	close(fd);
	ck_assert_int_eq(listen_as(65534), -EACCES); /* dead, but who can know */
	ck_assert(there());
	nmw_local_reap(path);
	ck_assert(!there());
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays)
{
	snprintf(path, sizeof path, "%s/socket", fx_dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(listen_here(), -ENOTSOCK);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "no socket found: move it away"));
	nmw_local_reap(path);
	ck_assert(there());
}
END_TEST

FX_MAIN("local", a_dead_one_makes_way, one_that_listens_to_streams_stays,
	one_that_may_not_be_asked_stays, a_file_that_is_no_socket_stays)
