/*
 * The store's server: requests of many clients over one transport, each carried out once. It knows
 * no transport: it is linked with each.
 */
#include "echo.h"
#include "server_report.h"
#include "store_service.h"

static int
run(void *self, struct transport *t)
{
	const struct server_options *o = self;
	struct service service = {.run = echo_run};
	struct store_service *store = NULL;
	struct serving serving = {0};
	int result;

	if (o->service == SERVE_STORE) {
		store = store_service_open(&o->executor);
		if (store == NULL)
			return EXIT_FAILED;
		service = store_service_calls(store);
	}
	result = serve(&serving, o, t, &service);
	if (result == 0)
		result = server_report(
				o, &serving, store != NULL ? store_service_counts(store) : NULL, t);
	store_service_close(store);
	return result == 0 ? EXIT_DONE : EXIT_FAILED;
}

int
main(int argc, char *argv[])
{
	struct server_options options = server_options_default();
	const struct store_program program = {
			.name = "store_server",
			.end = TRANSPORT_SERVER,
			.table = server_option_table,
			.help = server_options_help,
			.take = server_options_take,
			.complete = server_options_complete,
			.options = &options,
			.run = run,
			.self = &options,
	};

	return store_program_main(&program, argc, argv);
}
