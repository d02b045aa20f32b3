#include "option_reader.h"

#include <stddef.h>

#include "lifecycle.h"

static void
refuse(int result, const char *given)
{
	if (result == ':')
		complain("%s needs a value; --help lists the options", given);
	else
		complain("%s is no option of this program; --help lists them", given);
}

int
options_read(const struct option_reader *r, void *options, int argc, char **argv)
{
	const char *letters = r->letters != NULL ? r->letters : ":";
	int option;

	opterr = 0;
	/* Not 1, which would go on in the midst of letters where another line was refused. */
	optind = 0;
	while ((option = getopt_long(argc, argv, letters, r->table, NULL)) != -1) {
		if (option == 'h') {
			if (r->help_of != NULL)
				r->help_of(options);
			else
				r->help();
			return EXIT_DONE;
		}
		if (option == '?' || option == ':') {
			/* getopt_long() has moved past the option that it refused. */
			refuse(option, argv[optind - 1]);
			return EXIT_WRONG_USE;
		}
		if (!r->take(options, option, optarg))
			return EXIT_WRONG_USE;
	}
	if (optind < argc) {
		complain("'%s' is no option%s; --help lists them", argv[optind],
				r->beside_eal ? "" : " of this program");
		return EXIT_WRONG_USE;
	}
	return r->complete == NULL || r->complete(options) ? -1 : EXIT_WRONG_USE;
}
