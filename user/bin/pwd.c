/* pwd: prints the path of the working directory. */
#include "user/lode.h"

int main(void)
{
    char path[PATH_MAX];
    if (!getcwd(path, sizeof(path)))
        die("getcwd");
    dprintf(1, "%s\n", path);
    return 0;
}
