/* Which blocks and inodes are in use: the two bitmaps, wholly in memory. All functions but init and the
 * counts are called within a journal handle, and journal the bitmap's blocks they change. */
#pragma once
#include "fs/diskfs.h"

int balloc_init(void); /* reads the maps: 0, -EIO, -ENOMEM */

/* n blocks, the first free ones from `goal` on, into block[]: all or none. 0, -ENOSPC. */
int balloc_alloc(blkno_t goal, unsigned n, blkno_t *block);
void balloc_undo(unsigned n, const blkno_t *block); /* gives back what this same handle got */

/* Frees a block when the running transaction commits: until then it is not given out again. A block that is
 * not in use, or no data block, is damage: -EIO. */
int balloc_free(blkno_t block);
bool balloc_free_costs(blkno_t block); /* freeing it adds a block to the running transaction */
void balloc_apply_frees(void);         /* the commit, while no handle is open */

int balloc_inode_alloc(ino_t *ino); /* 0, -ENOSPC */
void balloc_inode_free(ino_t ino);

uint64_t balloc_free_blocks(void); /* freed but not committed ones included */
uint32_t balloc_free_inodes(void);
