/* The service of files: an executor, as requests come to it over a network. */
#ifndef STORE_STORE_SERVICE_H
#define STORE_STORE_SERVICE_H

#include "executor.h"
#include "service.h"

struct store_service;

/* Opens the executor. NULL after a message. */
struct store_service *store_service_open(const struct executor_options *options);
void store_service_close(struct store_service *v);

struct service store_service_calls(struct store_service *v);

const struct executor_counts *store_service_counts(const struct store_service *v);

#endif
