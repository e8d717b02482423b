/* The order of a commit and of recovery: a model of kernel/fs/journal.c, and of what balloc.c and ifile.c do for it.
 *
 * The disk has a cache: what is written may stay there until a flush, and a power cut leaves of each block in the cache
 * the old content, the new one, or neither (torn). run.py has spin try every order of operations, every moment for a
 * cut, and every outcome of it; cuts during recovery as well. After each recovery:
 *
 *   - the blocks hold what they held after some transaction, all of them after the same: all or nothing, in order
 *   - that transaction is not older than the newest one that was acknowledged (fsync has returned)
 *
 * The file system is three blocks: META, which every operation on DATA changes, too; OTHER, an independent one; and
 * DATA, which is free, or a directory (journaled), or a file's page (written home before the commit: ordered). A content
 * is a number that is used once. A checksum is right if the contents are the ones that it was made of.
 *
 * The commit thread is alone on the disk, and other processes change memory only: their operations are those between
 * two commits. BREAK_... changes one step of the kernel: spin has to find each of these wrong. */

#ifndef TRANSACTIONS
#define TRANSACTIONS 4 /* commits, all in all */
#endif
#ifndef OPERATIONS
#define OPERATIONS 2   /* in one transaction, at most */
#endif
#ifndef CUTS
#define CUTS 2
#endif

#define META   0
#define OTHER  1
#define DATA   2
#define HEADER(slot)     (3 + 4 * (slot)) /* of a slot; its bodies, one for each home, lie behind it */
#define BODY(slot, home) (4 + 4 * (slot) + (home))
#define BLOCKS 11

#define NOTHING 0   /* of the cache; as a content: any will do */
#define TORN    255
#define ERASED  254

#define FREE      0 /* DATA is */
#define DIRECTORY 1
#define PAGE      2 /* of a file */

byte stable[BLOCKS], cached[BLOCKS]; /* the disk */
byte fresh = 10;                     /* the last content used */

/* Headers, by their content: 1, 2, 3 ... */
byte header_sequence[8];
byte header_body[24]; /* [3 * header + home]: what the body's checksum was made of; NOTHING: no such body */
byte headers;

/* What each block holds after transaction s. */
byte after[18]; /* [3 * s + home] */
byte kind_after[6];

byte memory[3], kind;
bool journaled[3], ordered, pending; /* of the running transaction; pending: DATA was freed in it */
byte running = 1, acknowledged, commits, cuts;
bool cut;

inline put(block, content)
{
    if
    :: cached[block] != NOTHING -> /* the older content may have been written meanwhile, or not */
        if
        :: stable[block] = cached[block]
        :: skip
        fi
    :: else
    fi;
    cached[block] = content
}

#define SEEN(block) (cached[block] != NOTHING -> cached[block] : stable[block])

inline flush()
{
    atomic {
        for (b : 0 .. BLOCKS - 1) {
            if
            :: cached[b] != NOTHING -> stable[b] = cached[b]; cached[b] = NOTHING
            :: else
            fi
        }
        b = 0
    }
}

/* The power may go here. */
inline may_cut()
{
    if
    :: skip
    :: cuts < CUTS -> atomic {
            cuts++;
            for (b : 0 .. BLOCKS - 1) {
                if
                :: cached[b] != NOTHING ->
                    if
                    :: stable[b] = cached[b]
                    :: skip
                    :: stable[b] = TORN
                    fi;
                    cached[b] = NOTHING
                :: else
                fi
            }
            b = 0;
            cut = true
        }
    fi
}

/* ---- operations: each within a handle ---- */

inline change(block)
{
    fresh++;
    memory[block] = fresh
}

inline operation()
{
    atomic {
        if
        :: change(OTHER); journaled[OTHER] = true
#ifdef BREAK_FREED_AT_ONCE
        :: kind == FREE ->
#else
        :: kind == FREE && !pending -> /* balloc.c: balloc_alloc */
#endif
            change(META); journaled[META] = true;
            change(DATA);
            if
            :: kind = DIRECTORY; journaled[DATA] = true /* file_new_page, journal_write */
            :: kind = PAGE; ordered = true              /* write_page, journal_ordered */
            fi
        :: kind != FREE -> /* balloc.c: balloc_free; cache.c: cache_drop */
            change(META); journaled[META] = true;
            kind = FREE; pending = true;
            journaled[DATA] = false; ordered = false
        :: kind == DIRECTORY -> change(DATA); journaled[DATA] = true
        :: kind == PAGE -> /* ifile.c: write_page, in place; journal_write leaves alone what is in the transaction */
            change(DATA);
            if
            :: ordered || journaled[DATA]
#ifdef BREAK_OVERWRITES_IN_PLACE
            :: else -> ordered = true
#else
            :: else -> journaled[DATA] = true
#endif
            fi
        fi
    }
}

/* ---- journal.c ---- */

#ifdef BREAK_ONE_SLOT
#define SLOT(sequence) 0
#else
#define SLOT(sequence) ((sequence) % 2)
#endif

byte copy[3], installing[3], writing, slot;

/* close_transaction; balloc.c: balloc_apply_frees */
inline close_transaction()
{
    atomic {
        headers++;
        header_sequence[headers] = running;
        for (b : 0 .. 2) {
            copy[b] = (journaled[b] -> memory[b] : NOTHING);
            header_body[3 * headers + b] = copy[b];
            journaled[b] = false;
            after[3 * running + b] = memory[b]
        }
        b = 0;
        if
        :: kind == FREE -> after[3 * running + DATA] = NOTHING
        :: else
        fi;
        kind_after[running] = kind;
        writing = (ordered -> memory[DATA] : NOTHING);
        slot = SLOT(running);
        ordered = false;
        pending = false;
        running++;
        commits++
    }
}

inline write_ordered()
{
    if
    :: writing != NOTHING -> put(DATA, writing)
    :: else
    fi
}

inline write_header()
{
    put(HEADER(slot), headers)
}

inline write_bodies()
{
    for (b : 0 .. 2) {
        if
        :: copy[b] != NOTHING -> put(BODY(slot, b), copy[b])
        :: else
        fi
    }
    b = 0
}

inline install()
{
    for (b : 0 .. 2) {
        if
        :: installing[b] != NOTHING -> put(b, installing[b]); installing[b] = NOTHING
        :: else
        fi
    }
    b = 0
}

inline to_be_installed()
{
    for (b : 0 .. 2) {
        installing[b] = copy[b]
    }
    b = 0
}

/* What is written between two flushes may reach the disk in any order: it is one step, and so is a flush. */
#define STEP(what) if :: !cut -> atomic { what }; may_cut() :: else fi

inline commit()
{
    close_transaction();
    may_cut();
#ifdef BREAK_ORDERED_LATE
    STEP(write_bodies());
#else
    STEP(write_ordered(); write_bodies());
#endif
#ifndef BREAK_NO_FLUSH_OF_BODIES
    STEP(flush());
#endif
#ifdef BREAK_INSTALLED_LATE
    STEP(install()); /* of the transaction before: after the flush that was to make it stable */
#endif
#ifdef BREAK_INSTALLED_BEFORE_HEADER
    STEP(to_be_installed(); install());
#endif
    STEP(write_header());
#ifndef BREAK_NO_FLUSH_OF_HEADER
    STEP(flush());
#endif
    STEP(acknowledged = running - 1; to_be_installed());
#ifdef BREAK_ORDERED_LATE
    STEP(write_ordered());
#endif
#ifndef BREAK_INSTALLED_LATE
    STEP(install());
#endif
}

#define VALID_BODY(slot, header, home) \
    (header_body[3 * header + home] == NOTHING || header_body[3 * header + home] == stable[BODY(slot, home)])

/* check_slot */
inline check_slot(k, valid)
{
    h = stable[HEADER(k)];
    valid = false;
    if
    :: h != NOTHING && h != TORN && h != ERASED ->
#ifdef BREAK_ONE_SLOT
        valid = k == 0 &&
#else
        valid = header_sequence[h] % 2 == k &&
#endif
            VALID_BODY(k, h, 0) && VALID_BODY(k, h, 1) && VALID_BODY(k, h, 2)
    :: else
    fi;
    h = 0
}

/* journal_recover. A cut in it begins it again. */
inline recover()
{
    do
    :: atomic {
            cut = false;
            check_slot(0, valid0);
            check_slot(1, valid1);
            if
            :: valid0 && valid1 ->
#ifdef BREAK_REPLAYS_THE_OLDER
                newest = header_sequence[stable[HEADER(1)]] < header_sequence[stable[HEADER(0)]]
#else
                newest = header_sequence[stable[HEADER(1)]] > header_sequence[stable[HEADER(0)]]
#endif
            :: else -> newest = (valid1 -> 1 : 0)
            fi;
            recovered = 0;
            if
            :: valid0 || valid1 ->
                h = stable[HEADER(newest)];
                recovered = header_sequence[h];
                /* replay */
                for (b : 0 .. 2) {
                    if
                    :: header_body[3 * h + b] != NOTHING -> put(b, stable[BODY(newest, b)])
                    :: else
                    fi
                }
                b = 0;
#ifdef BREAK_REPLAY_ERASES_SLOT
                put(HEADER(newest), ERASED);
#endif
                h = 0
            :: else
            fi
        };
        may_cut();
        if
        :: cut
        :: else ->
            atomic {
                for (b : 0 .. 2) {
                    assert(after[3 * recovered + b] == NOTHING || SEEN(b) == after[3 * recovered + b])
                }
                assert(recovered >= acknowledged);
            }
            flush();
            may_cut();
            if
            :: cut
            :: else -> break
            fi
        fi
    od;
    atomic {
#ifdef BREAK_SEQUENCE_SKIPS
        running = recovered + 2;
        for (b : 0 .. 2) {
            after[3 * (recovered + 1) + b] = after[3 * recovered + b]
        }
        kind_after[recovered + 1] = kind_after[recovered];
#else
        running = recovered + 1;
#endif
        acknowledged = recovered;
        kind = kind_after[recovered];
        for (b : 0 .. 2) {
            memory[b] = SEEN(b);
            journaled[b] = false;
            installing[b] = NOTHING;
            copy[b] = NOTHING
        }
        b = 0;
        ordered = false;
        pending = false;
        writing = NOTHING;
        newest = 0; recovered = 0; valid0 = false; valid1 = false
    }
}

active proctype machine()
{
    byte b, h, newest, recovered, operations;
    bool valid0, valid1;

    atomic {
        for (b : 0 .. 1) {
            stable[b] = b + 1; memory[b] = b + 1; after[b] = b + 1
        }
        b = 0
    }
    do
    :: commits < TRANSACTIONS && cuts < CUTS ->
        atomic {
            operation();
            do
            :: operations + 1 < OPERATIONS -> operations++; operation()
            :: operations = 0; break
            od
        }
        commit();
        if
        :: cut -> recover()
        :: else
        fi
    :: commits == TRANSACTIONS || cuts == CUTS -> break /* what comes would not be looked at any more */
    od
}
