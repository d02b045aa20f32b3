#include "process.h"

#include <rte_lcore.h>

#include "echo.h"
#include "lifecycle.h"
#include "report.h"
#include "space.h"

struct program_end
secondary_run(struct process *p)
{
	struct command_line *c = &p->line;
	struct program_end end = {.code = EXIT_DONE};
	struct space space;
	struct echo echo;
	enum echo_ending ending;
	struct clock_mark now;

	end.code = space_join(&space, c->proc_id, rte_lcore_id());
	if (end.code != EXIT_DONE)
		return end;
	echo_begin(&echo, &space, c->proc_id);
	lifecycle_ready("ring=%s proc=%u", space_mode_name(&space), c->proc_id);
	ending = echo_run(&echo, c->generator.idle, (enum fault)c->die_in, c->die_after_s);
	if (ending == ECHO_PRIMARY_DIED) {
		complain("the primary is gone: ending; it makes new rings when it is started "
			 "again, so start this secondary after it");
		end = (struct program_end){.code = EXIT_PRIMARY_DIED, .leave_memory = true};
	}
	roster_release(&space.record->roster, c->proc_id);
	now = clock_mark();
	if (c->generator.stats != NULL &&
			report_secondary(c, &echo, ending, clock_ticks_per_s(&p->began, &now)) !=
					0 &&
			end.code == EXIT_DONE)
		end.code = EXIT_FAILED;
	return end;
}
