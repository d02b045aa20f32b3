/* The file that fio works on. */
#ifndef STORE_FIO_FILE_H
#define STORE_FIO_FILE_H

#include <stdint.h>

/* Makes the file, and writes all of it that is not there: reads are to find data, and no write is
 * to make the file longer. 0, or -1 after one clear line. */
int fio_file_fill(const char *path, uint32_t file_mb);

#endif
