/* The layout of a ring file by literal figures: what man/nmw-ring.5 says, and what a program in
 * another language relies on. */
#include "ring_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

static uint8_t *map_file(const char *name, size_t *len, int prot)
{
	char path[NMW_RING_PATH_MAX];
	struct stat st;
	nmw_ring_path(path, fx_dir, name);
	int fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;
	uint8_t *m = mmap(NULL, *len, prot, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(m, MAP_FAILED);
	close(fd);
	return m;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

START_TEST(offsets)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){
		.name = "pin", .slots = 16, .slot_sz = 64, .frame_bytes = 5000, .tool = "tool"});
	size_t len;
	const uint8_t *f = map_file("pin", &len, PROT_READ);
	ck_assert_uint_eq(len, 4096 + 4096 + 4096 + 8192);
	ck_assert_mem_eq(f, "NMWRING1", 8);
	ck_assert_uint_eq(u32(f + 8), 1);      /* version */
	ck_assert_uint_eq(u32(f + 12), 256);   /* header */
	ck_assert_uint_eq(u64(f + 16), 20480); /* file */
	ck_assert_uint_eq(u64(f + 24), 4096);  /* control */
	ck_assert_uint_eq(u64(f + 32), 8192);  /* slots */
	ck_assert_uint_eq(u64(f + 40), 12288); /* frames */
	ck_assert_uint_eq(u64(f + 48), 8192);  /* frame bytes */
	ck_assert_uint_eq(u64(f + 56), 16);    /* slots */
	ck_assert_uint_eq(u32(f + 64), 64);    /* slot bytes */
	ck_assert_uint_eq(u32(f + 68), 4096);  /* page */
	ck_assert_uint_eq(u32(f + 72), 0);     /* flags */
	ck_assert_uint_eq(u32(f + 76), 16);    /* consumers */
	ck_assert_mem_eq(f + 128, "tool\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	ck_assert_uint_eq(u32(f + 144), (uint32_t)getpid());
	ck_assert_uint_eq(u32(f + 148), 0); /* closed */
	ck_assert_uint_eq(u32(f + 156), 0); /* flaw */
	ck_assert_uint_eq(u64(f + 192), 1); /* claim */
	ck_assert_uint_eq(u64(f + 200), 0); /* published */
	ck_assert_uint_eq(u64(f + 208), 0); /* frame floor */

	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "pin", .name = "me"});
	const uint8_t *line = f + 4096 + 128;
	ck_assert_uint_eq(u64(line), 0);     /* cursor */
	ck_assert_uint_eq(u32(line + 8), 3); /* named */
	ck_assert_uint_eq(u32(line + 12), (uint32_t)getpid());
	ck_assert_mem_eq(line + 16, "me\0\0", 4);
	ck_assert_uint_eq(u32(line + 56), 0); /* route: all */

	ck_assert_uint_eq(nmw_prod_room(&p, 3), 3);
	struct nmw_slot *s = nmw_prod_slot(&p, 0);
	memcpy(nmw_prod_payload(&p, s, 16), "0123456789abcdef", 16);
	s->ts_ns = 11;
	s->ingress_ns = 12;
	s->in_seq = 13;
	s->session = 14;
	s->channel = 2;
	s->codec = 3;
	s = nmw_prod_slot(&p, 1);
	memcpy(nmw_prod_payload(&p, s, 17), "0123456789abcdefg", 17);
	s = nmw_prod_slot(&p, 2);
	memcpy(nmw_prod_payload(&p, s, 20), "second frame is here", 20);
	nmw_prod_publish(&p, 3);
	const uint8_t *slot = f + 8192 + 64; /* message 1 */
	ck_assert_uint_eq(u64(slot), 1);
	ck_assert_uint_eq(u64(slot + 8), 11);
	ck_assert_uint_eq(u64(slot + 16), 12);
	ck_assert_uint_eq(u64(slot + 24), 13);
	ck_assert_uint_eq(u64(slot + 32), UINT64_MAX);
	ck_assert_uint_eq(u32(slot + 40), 14);
	ck_assert_uint_eq(slot[44] | slot[45] << 8, 16);
	ck_assert_uint_eq(slot[46], 2);
	ck_assert_uint_eq(slot[47], 3);
	ck_assert_mem_eq(slot + 48, "0123456789abcdef", 16);
	ck_assert_uint_eq(u64(slot + 64 + 32), 0);
	ck_assert_mem_eq(f + 12288, "0123456789abcdefg", 17);
	ck_assert_uint_eq(u64(slot + 128 + 32), 64);
	ck_assert_mem_eq(f + 12288 + 64, "second frame is here", 20);
	ck_assert_uint_eq(u64(f + 192), 9); /* claimed: half a ring ahead */

	nmw_cons_release(&c, nmw_cons_ready(&c, 3));
	ck_assert_uint_eq(u64(line), 3);
	nmw_prod_flaw(&p, NMW_RING_DAMAGED);
	nmw_prod_close(&p);
	ck_assert_uint_eq(u32(f + 148), 1);
	ck_assert_uint_eq(u32(f + 156), 1);
	ck_assert_uint_eq(u64(f + 200), 3);
	nmw_cons_leave(&c, true);
	ck_assert_uint_eq(u32(line + 8), 0);
	nmw_prod_leave(&p);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

START_TEST(checksum)
{
	/* FNV-1a: the figure for 120 zero bytes, worked out elsewhere */
	struct nmw_ring_geom g;
	memset(&g, 0, sizeof g);
	uint64_t h = 14695981039346656037ull;
	for (int i = 0; i < 120; i++)
		h *= 1099511628211ull;
	ck_assert_uint_eq(nmw_ring_geom_sum(&g), h);
}
END_TEST

START_TEST(modes)
{
	struct stat st;
	char path[NMW_RING_PATH_MAX];
	umask(0);
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "own"});
	struct nmw_prod q = fx_prod((struct nmw_ring_spec){.name = "shared", .group = true});
	nmw_ring_path(path, fx_dir, "own");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	nmw_ring_path(path, fx_dir, "shared");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	nmw_prod_leave(&p);
	nmw_prod_leave(&q);
}
END_TEST

/* A consumer cannot write to what it reads. */
START_TEST(read_only)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "ro"});
	struct nmw_cons c = fx_join((struct nmw_cons_spec){.ring = "ro"});
	struct nmw_cons t = fx_join((struct nmw_cons_spec){.ring = "ro", .tap = true});
	void *const never[] = {c.ring->hdr,   c.ring->slots,  c.ring->frames, t.ring->hdr,
			       t.ring->slots, t.ring->frames, t.ring->ctl};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			signal(SIGSEGV, SIG_DFL);
			*(volatile uint8_t *)never[i] = 1;
			_exit(0);
		}
		int status;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
	}
	nmw_cons_leave(&t, false);
	nmw_cons_leave(&c, false);
	nmw_prod_leave(&p);
}
END_TEST

/* Every byte of the geometry matters: change one, and nobody joins. */
START_TEST(geometry_byte)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "bad", .slots = 16});
	struct nmw_cons c;
	size_t len;
	uint8_t *f = map_file("bad", &len, PROT_READ | PROT_WRITE);
	for (unsigned i = 0; i < 128; i++) {
		struct nmw_cons_spec s = {.ring = "bad"};
		f[i] ^= 0x10;
		ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -EPROTO);
		ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
		f[i] ^= 0x10;
	}
	f[8] = 9;
	ck_assert_int_eq(nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = "bad"}, &fx_err),
			 -EPROTO);
	ck_assert_str_eq(fx_err.msg, "ring bad: version 9 found, 1 expected: restart the producer");
	munmap(f, len);
	nmw_prod_leave(&p);
}
END_TEST

/* Figures that agree with each other and with the sum, but not with the file or the limits. */
START_TEST(geometry_forged)
{
	static const struct {
		size_t off;
		uint64_t v;
		size_t n;
	} forged[] = {{56, 3, 8},	 {56, 0, 8},	{56, 1ull << 40, 8}, {64, 32, 4},
		      {64, 8192, 4},	 {64, 96, 4},	{48, 0, 8},	     {48, UINT64_MAX, 8},
		      {24, 0, 8},	 {32, 4096, 8}, {40, 1ull << 60, 8}, {16, 1ull << 50, 8},
		      {68, 1u << 21, 4}, {68, 1, 4},	{76, 17, 4},	     {12, 255, 4}};
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "forged", .slots = 16});
	struct nmw_ring_geom keep, *g = &p.ring->hdr->g;
	keep = *g;
	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
		struct nmw_cons c;
		memcpy((uint8_t *)g + forged[i].off, &forged[i].v, forged[i].n);
		g->check = nmw_ring_geom_sum(g);
		int rc = nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = "forged"}, &fx_err);
		ck_assert_msg(rc == -EPROTO, "%zu: %d %s", i, rc, fx_err.msg);
		*g = keep;
	}
	/* larger than the file: with all offsets worked out anew */
	g->slot_cnt = 1 << 20;
	nmw_ring_geom_lay(g);
	g->check = nmw_ring_geom_sum(g);
	struct nmw_cons c;
	ck_assert_int_eq(nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = "forged"}, &fx_err),
			 -EPROTO);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "truncated"));
	*g = keep;
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(not_rings)
{
	char path[NMW_RING_PATH_MAX];
	struct nmw_cons c;
	static const struct nmw_cons_spec s = {.ring = "x"};
	nmw_ring_path(path, fx_dir, "x");
	ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -ENOENT);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -EPROTO); /* empty */
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -EPROTO); /* zeros */
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PEER);
	struct nmw_prod p;
	ck_assert_int_eq(nmw_prod_open(&p, &(struct nmw_ring_spec){.name = "x"}, &fx_err), -EPROTO);
	close(fd);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -EPROTO);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_lt(nmw_cons_join(&c, &s, &fx_err), 0);
	rmdir(path);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_lt(nmw_cons_join(&c, &s, &fx_err), 0);
	unlink(path);
}
END_TEST

/* A ring that another user made is not taken for ours, unless a group shares it. */
START_TEST(other_owner)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "o"}), q;
	struct nmw_cons c;
	struct nmw_ring_info info;
	char path[NMW_RING_PATH_MAX];
	nmw_ring_path(path, fx_dir, "o");
	if (geteuid() == 0) { /* only root can give a file away */
		ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
		struct nmw_cons_spec s = {.ring = "o"};
		ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), -EPERM);
		ck_assert_int_eq(fx_err.exit, NMW_EXIT_PERM);
		s.group = true;
		ck_assert_int_eq(nmw_cons_join(&c, &s, &fx_err), 0);
		nmw_cons_leave(&c, false);
		ck_assert_int_eq(nmw_ring_inspect("o", &info, &fx_err), 0);
		fx_die(p.ring);
		struct nmw_ring_spec again = {.name = "o"};
		ck_assert_int_eq(nmw_prod_open(&q, &again, &fx_err), -EPERM);
		again.group = true;
		p = fx_prod(again);
	}
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(truncated)
{
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = "cut", .slots = 16});
	struct nmw_cons c;
	char path[NMW_RING_PATH_MAX];
	nmw_ring_path(path, fx_dir, "cut");
	fx_die(p.ring);
	for (off_t size = 4096 * 5; size >= 0; size -= 1024) {
		ck_assert_int_eq(truncate(path, size), 0);
		ck_assert_int_eq(nmw_cons_join(&c, &(struct nmw_cons_spec){.ring = "cut"}, &fx_err),
				 -EPROTO);
		ck_assert_int_eq(nmw_cons_join(&c,
					       &(struct nmw_cons_spec){.ring = "cut", .tap = true},
					       &fx_err),
				 -EPROTO);
		struct nmw_ring_info info;
		ck_assert_int_eq(nmw_ring_inspect("cut", &info, &fx_err), -EPROTO);
	}
	/* a broken file is only replaced when that is asked for */
	struct nmw_ring_spec s = {.name = "cut"};
	ck_assert_int_eq(nmw_prod_open(&p, &s, &fx_err), -EPROTO);
	s.discard = true;
	ck_assert_int_eq(nmw_prod_open(&p, &s, &fx_err), 0);
	nmw_prod_leave(&p);
	ck_assert_int_eq(nmw_ring_reap(false, NULL), 1);
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

START_TEST(names)
{
	static const char *const good[] = {"a", "orders", "A-b_c.9", "nmw-recv-12-0"};
	static const char *const bad[] = {"",	".",   "..",  ".a",	 "a/b",
					  "/a", "a b", "a\n", "\xc3\xa4"};
	char longest[NMW_RING_NAME_MAX + 1];
	memset(longest, 'x', sizeof longest);
	longest[NMW_RING_NAME_MAX] = 0;
	ck_assert_int_eq(nmw_ring_name_check(longest, &fx_err), -EINVAL);
	longest[NMW_RING_NAME_MAX - 1] = 0;
	ck_assert_int_eq(nmw_ring_name_check(longest, &fx_err), 0);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(nmw_ring_name_check(good[i], &fx_err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(nmw_ring_name_check(bad[i], &fx_err), -EINVAL);
		ck_assert_int_eq(fx_err.exit, NMW_EXIT_USAGE);
	}
	struct nmw_prod p = fx_prod((struct nmw_ring_spec){.name = longest});
	nmw_prod_leave(&p);
}
END_TEST

START_TEST(refused_specs)
{
	static const struct nmw_ring_spec bad[] = {
		{.name = "a", .slots = 3},
		{.name = "a", .slots = 1},
		{.name = "a", .slots = 1ull << 32},
		{.name = "a", .slot_sz = 32},
		{.name = "a", .slot_sz = 100},
		{.name = "a", .slot_sz = 8192},
		{.name = "a", .min_consumers = 17},
		{.name = "a/b"},
		{.name = "a", .frame_bytes = 1ull << 41},
	};
	struct nmw_prod p;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(nmw_prod_open(&p, &bad[i], &fx_err), -EINVAL);
		ck_assert_int_eq(fx_err.exit, NMW_EXIT_USAGE);
		ck_assert_uint_eq(fx_files(), 0);
	}
}
END_TEST

/* Memory that is not there is refused at the start, in words, and leaves nothing behind. */
START_TEST(no_memory)
{
	struct nmw_prod p;
	struct nmw_ring_spec s = {.name = "big", .frame_bytes = 1ull << 40};
	ck_assert_int_lt(nmw_prod_open(&p, &s, &fx_err), 0);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_RESOURCE);
	ck_assert_ptr_nonnull(strstr(fx_err.msg, "bytes needed in"));
	ck_assert_uint_eq(fx_files(), 0);
}
END_TEST

START_TEST(directory)
{
	char sub[100];
	struct nmw_prod p;
	snprintf(sub, sizeof sub, "%s/new", fx_dir);
	setenv("NMW_DIR", sub, 1);
	p = fx_prod((struct nmw_ring_spec){.name = "a"});
	struct stat st;
	ck_assert_int_eq(stat(sub, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	nmw_prod_close(&p);
	nmw_prod_leave(&p);
	ck_assert_int_eq(chmod(sub, 0777), 0);
	ck_assert_int_eq(nmw_prod_open(&p, &(struct nmw_ring_spec){.name = "a"}, &fx_err), -EPERM);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_PERM);
	ck_assert_int_eq(rmdir(sub), 0);
	setenv("NMW_DIR", "/nonexistent/dir", 1);
	ck_assert_int_lt(nmw_prod_open(&p, &(struct nmw_ring_spec){.name = "a"}, &fx_err), 0);
	setenv("NMW_DIR", "/dev/null", 1);
	ck_assert_int_lt(nmw_prod_open(&p, &(struct nmw_ring_spec){.name = "a"}, &fx_err), 0);
	setenv("NMW_DIR", fx_dir, 1);
	ck_assert_int_eq(
		nmw_prod_open(&p, &(struct nmw_ring_spec){.name = "a", .pages = NMW_PAGES_HUGE},
			      &fx_err),
		-EINVAL);
	ck_assert_int_eq(fx_err.exit, NMW_EXIT_RESOURCE);
}
END_TEST

FX_MAIN("ring_layout", offsets, checksum, modes, read_only, geometry_byte, geometry_forged,
	not_rings, truncated, other_owner, names, refused_specs, no_memory, directory)
