/* streams.h: standard input, output and error as the shell left them. First thing in main. */
#ifndef NMW_BASE_STREAMS_H
#define NMW_BASE_STREAMS_H

/* A standard stream that the caller closed must not become the next file that is opened: it is
 * opened on /dev/null, the wrong way round, so that using it stays an error and no output
 * vanishes. A limit on the size of files is an error of write, not a signal: SIGXFSZ is ignored. */
void nmw_streams_init(void);

#endif
