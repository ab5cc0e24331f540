#include "device/bitstream.h"

#include "base/bits.h"
#include "ring/shm.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_HEAD "nmw-fpga bitstream 1"
#define PATH_SZ	    (PATH_MAX + 64)

static int missing(const char *file, int err, struct nmw_err *e)
{
	return nmw_err_set(e, -err, NMW_EXIT_RESOURCE,
			   "bitstream %s: cannot read it: %s: make hw builds hw/build/nmw_book.so",
			   file, strerror(err));
}

/* What is in it is run here. */
static bool others_write(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) || st->st_mode & (S_IWGRP | S_IWOTH);
}

static int regular(const char *file, int fd, struct stat *st, struct nmw_err *e)
{
	if (fstat(fd, st))
		return missing(file, errno, e);
	return S_ISREG(st->st_mode)
		       ? 0
		       : nmw_err_set(e, -EINVAL, NMW_EXIT_RESOURCE,
				     "bitstream %s: not a regular file: give the shared object "
				     "that make hw builds",
				     file);
}

static int check_file(const char *file, int fd, struct nmw_err *e)
{
	struct stat st;
	int rc = regular(file, fd, &st, e);
	if (rc)
		return rc;
	if (others_write(&st))
		return nmw_err_set(e, -EPERM, nmw_exit_of(EPERM),
				   "bitstream %s: belongs to user %u, mode %04o: one's own or "
				   "root's, writable by nobody else, expected: chmod go-w it, or "
				   "load a copy",
				   file, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777u);
	return 0;
}

/* Bytes that a shared object has to have, by its headers; 0: it is none, as the loader says. */
static uint64_t whole_size(int fd)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	uint64_t end;
	if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_phentsize != sizeof p)
		return 0;
	if (__builtin_add_overflow(h.e_shoff, (uint64_t)h.e_shnum * h.e_shentsize, &end))
		return UINT64_MAX;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		uint64_t at, to;
		if (__builtin_add_overflow(h.e_phoff, i * sizeof p, &at) || at > INT64_MAX ||
		    pread(fd, &p, sizeof p, (off_t)at) != (ssize_t)sizeof p ||
		    __builtin_add_overflow(p.p_offset, p.p_filesz, &to))
			return UINT64_MAX;
		if (p.p_type == PT_LOAD && to > end)
			end = to;
	}
	return end;
}

int nmw_bitstream_whole(const struct nmw_bitfile *b, struct nmw_err *e)
{
	struct stat st;
	int rc = regular(b->file, b->fd, &st, e);
	if (rc || whole_size(b->fd) <= (uint64_t)st.st_size)
		return rc;
	return nmw_err_set(e, -ENODEV, NMW_EXIT_RESOURCE,
			   "bitstream %s: %lld bytes found, more expected by its headers: it is "
			   "cut short or damaged: copy it again, or make hw builds it",
			   b->file, (long long)st.st_size);
}

static int hash_of(struct nmw_bitfile *b, struct nmw_err *e)
{
	uint8_t buf[65536];
	ssize_t n;
	b->hash = NMW_FNV_START;
	while ((n = read(b->fd, buf, sizeof buf)) > 0)
		b->hash = nmw_fnv(b->hash, buf, (size_t)n);
	return n < 0 ? missing(b->file, errno, e) : 0;
}

int nmw_bitstream_name(struct nmw_bitfile *b, const char *file, struct nmw_err *e)
{
	*b = (struct nmw_bitfile){.fd = -1};
	if (!realpath(file, b->file))
		return missing(file, errno, e);
	b->fd = open(b->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return b->fd < 0 ? missing(b->file, errno, e) : 0;
}

int nmw_bitstream_open(struct nmw_bitfile *b, const char *file, struct nmw_err *e)
{
	int rc = nmw_bitstream_name(b, file, e);
	if (!rc)
		rc = check_file(b->file, b->fd, e);
	if (!rc)
		rc = hash_of(b, e);
	if (rc)
		nmw_bitstream_close(b);
	return rc;
}

void nmw_bitstream_close(struct nmw_bitfile *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

static int record_path(const char *record, char *out, struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(false, e);
	if (!dir)
		return e && e->err ? e->err : -EACCES;
	int n = snprintf(out, PATH_SZ, "%s/%s", dir, record);
	return n < PATH_SZ ? 0
			   : nmw_err_set(e, -ENAMETOOLONG, NMW_EXIT_USAGE,
					 "NMW_DIR: %.64s...: too long a path", dir);
}

static int not_written(const char *path, int err, struct nmw_err *e)
{
	return nmw_err_set(e, -err, nmw_exit_of(err),
			   "%s: cannot remember the bitstream: %s: set NMW_DIR to another "
			   "directory, or name it with --bitstream each time",
			   path, strerror(err));
}

/* Whole or not at all: another process may read it now. */
int nmw_bitstream_remember(const char *record, const struct nmw_bitfile *b, struct nmw_err *e)
{
	char path[PATH_SZ], tmp[PATH_SZ + 16], text[PATH_SZ + 64];
	int rc = record_path(record, path, e);
	if (rc)
		return rc;
	snprintf(tmp, sizeof tmp, "%s.%d", path, (int)getpid());
	int n = snprintf(text, sizeof text, RECORD_HEAD "\n%016" PRIx64 "\n%s\n", b->hash, b->file);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return not_written(path, errno, e);
	ssize_t put = write(fd, text, (size_t)n);
	int err = put < 0 ? errno : put < n ? ENOSPC : 0;
	if (close(fd) && !err)
		err = errno;
	if (!err && rename(tmp, path))
		err = errno;
	if (!err)
		return 0;
	unlink(tmp);
	return not_written(path, err, e);
}

static int no_record(const char *path, struct nmw_err *e)
{
	size_t n = strlen(path), k = strlen(NMW_WIRE_RECORD);
	bool wire = n >= k && !strcmp(path + n - k, NMW_WIRE_RECORD);
	return nmw_err_set(e, -ENOENT, NMW_EXIT_RESOURCE,
			   "device sim: no bitstream is loaded (%s is not there): nmw-fpga load "
			   "hw/build/nmw_%s.so, which make hw builds, or --bitstream FILE",
			   path, wire ? "wire" : "book");
}

/* The record's three lines, checked. */
static int parse_record(char *text, uint64_t *hash, char **file)
{
	char *line[3], *rest = text, *end;
	for (int i = 0; i < 3; i++)
		if (!(line[i] = strsep(&rest, "\n")) || !rest)
			return -EBADMSG;
	if (strcmp(line[0], RECORD_HEAD) != 0 || line[2][0] != '/')
		return -EBADMSG;
	*hash = strtoull(line[1], &end, 16);
	*file = line[2];
	return end == line[1] + 16 ? 0 : -EBADMSG;
}

static int read_record(const char *path, char *text, size_t cap, struct nmw_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? no_record(path, e)
				       : nmw_err_set(e, -errno, nmw_exit_of(errno),
						     "%s: cannot read it: %s", path,
						     nmw_err_nofollow(errno));
	struct stat st;
	ssize_t n = fstat(fd, &st) ? -1 : read(fd, text, cap - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (n >= 0 && others_write(&st))
		return nmw_err_set(
			e, -EPERM, nmw_exit_of(EPERM),
			"%s: belongs to user %u, mode %04o: a bitstream is taken from a record of "
			"one's own or of root's, writable by nobody else: nmw-fpga load FILE, or "
			"--bitstream FILE",
			path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777u);
	return 0;
}

int nmw_bitstream_recall(const char *record, struct nmw_bitfile *b, struct nmw_err *e)
{
	char path[PATH_SZ], text[PATH_SZ + 64], *name;
	uint64_t was;
	b->fd = -1;
	int rc = record_path(record, path, e);
	if (!rc)
		rc = read_record(path, text, sizeof text, e);
	if (rc)
		return rc;
	if (parse_record(text, &was, &name) || strlen(name) >= PATH_MAX)
		return nmw_err_set(e, -EBADMSG, NMW_EXIT_RESOURCE,
				   "%s: not a record of a bitstream: nmw-fpga load FILE writes it "
				   "anew",
				   path);
	rc = nmw_bitstream_open(b, name, e);
	if (rc || b->hash == was)
		return rc;
	nmw_bitstream_close(b);
	return nmw_err_set(e, -ESTALE, NMW_EXIT_RESOURCE,
			   "bitstream %s: hash %016" PRIx64 " found, %016" PRIx64
			   " expected: it has changed since it was loaded: nmw-fpga load it again",
			   name, b->hash, was);
}
