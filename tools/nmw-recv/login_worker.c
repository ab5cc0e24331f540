#include "login_worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE 10

struct question {
	uint32_t who, which;
	struct account *account;
	char password[PASSWORD_LEN];
	bool ok;
};

/* One circle: [taken, done) are answers, [done, asked) questions. */
struct login_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct question *q;
	uint32_t room;
	uint64_t asked, done, taken;
	bool stop;
	int fd;
	void *work;
};

static void tell(int fd)
{
	const uint64_t one = 1;
	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

/* The next question, copied; false: the end. Called and left with the lock. */
static bool next(struct login_worker *w, struct question *q)
{
	while (!w->stop && w->done == w->asked)
		pthread_cond_wait(&w->more, &w->lock);
	if (!w->stop)
		*q = w->q[w->done % w->room];
	return !w->stop;
}

static void *run(void *arg)
{
	struct login_worker *w = arg;
	struct question q;
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	pthread_mutex_lock(&w->lock);
	while (next(w, &q)) {
		pthread_mutex_unlock(&w->lock);
		bool ok = accounts_check(q.account->hash, q.password, w->work);
		explicit_bzero(&q, sizeof q);
		pthread_mutex_lock(&w->lock);
		struct question *at = &w->q[w->done++ % w->room];
		explicit_bzero(at->password, sizeof at->password);
		at->ok = ok;
		tell(w->fd);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct login_worker *w)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static void free_all(struct login_worker *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->q)
		explicit_bzero(w->q, w->room * sizeof *w->q);
	free(w->q);
	free(w->work);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct login_worker *login_worker_start(uint32_t accounts, struct nmw_err *e)
{
	struct login_worker *w = calloc(1, sizeof *w);
	if (!w) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->room = LOGIN_CHECKS * accounts;
	w->q = calloc(w->room, sizeof *w->q);
	w->work = malloc(accounts_work_size());
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = w->q && w->work && w->fd >= 0 ? start_thread(w) : -ENOMEM;
	if (rc == 0)
		return w;
	nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "thread for logins: %s", strerror(-rc));
	free_all(w);
	return NULL;
}

int login_worker_fd(const struct login_worker *w)
{
	return w->fd;
}

bool login_worker_ask(struct login_worker *w, uint32_t who, uint32_t which, struct account *account,
		      const char password[PASSWORD_LEN])
{
	if (account->checking == LOGIN_CHECKS)
		return false;
	account->checking++;
	pthread_mutex_lock(&w->lock);
	assert(w->asked - w->taken < w->room);
	struct question *q = &w->q[w->asked++ % w->room];
	*q = (struct question){.who = who, .which = which, .account = account};
	memcpy(q->password, password, sizeof q->password);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	return true;
}

bool login_worker_answer(struct login_worker *w, struct login_answer *a)
{
	uint64_t told;
	if (read(w->fd, &told, sizeof told) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&w->lock);
	bool any = w->taken < w->done;
	if (any) {
		const struct question *q = &w->q[w->taken++ % w->room];
		*a = (struct login_answer){
			.who = q->who, .which = q->which, .account = q->account, .ok = q->ok};
	}
	pthread_mutex_unlock(&w->lock);
	if (any)
		a->account->checking--;
	return any;
}

void login_worker_stop(struct login_worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	free_all(w);
}
