/* The journal: makes groups of changes atomic (docs/fs-design.md tells how).
 *
 * Whoever changes the file system opens a handle with journal_begin, says how many blocks it may journal at
 * most, changes bufs and tells the journal of each, and closes the handle with journal_end. All handles join
 * the running transaction; the thread "journal" commits it as a whole. A handle is opened before any inode's
 * lock is taken, is not nested, and its holder waits for nothing but locks, disk reads and cache_wait: the
 * commit waits for it. */
#pragma once
#include "fs/cache.h"

struct fs_super;

/* Replays what the slots hold: 0, -EIO, -ENOMEM. Then journal_start runs the commit thread. */
int journal_recover(const struct fs_super *sb);
void journal_start(void);

int journal_begin(unsigned credits); /* 0, -EROFS; may sleep for a commit */
void journal_end(unsigned credits);  /* the same number */

void journal_write(struct buf *b);   /* b changes in this handle: to be called before journal_end */
void journal_ordered(struct buf *b); /* b is data of a block allocated in this handle */
void journal_forget(bool journaled); /* for cache_drop: a buf left the running transaction */

uint64_t journal_running(void);      /* sequence number of the running transaction; stable within a handle */
int journal_wait(uint64_t sequence); /* commits up to that one; 0 when it is on stable storage, -EIO */
int journal_sync(void);              /* the same for all that was done before the call */

/* For an operation that failed with `error`: true when it may help to try once more, because a commit has
 * released blocks or memory. *tried starts false. */
bool journal_retry(int error, bool *tried);

void journal_abort(void); /* from now on nothing is written any more; changes give -EROFS */
bool journal_aborted(void);
void journal_stop(void); /* for power-off: sync, then as journal_abort */
