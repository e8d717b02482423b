/* A program of 1 MB, of which it touches 32 pages: what bench executes in its row exec-1MB. Built for Linux as bench
 * is; it has to lie in the same directory. */
#define SIZE (1 << 20)

static volatile char ballast[SIZE] = {1};

int main(void)
{
    for (int i = 0; i < SIZE; i += SIZE / 16)
        ballast[i] += ballast[i + SIZE / 32];
    return 0;
}
