#include "unit.h"

#include "permission.h"

static struct stat
file_of(mode_t mode)
{
	return (struct stat){.st_mode = S_IFREG | mode, .st_uid = 10, .st_gid = 20};
}

static void
the_owners_bits_are_the_owners(void **state)
{
	struct stat file = file_of(0477);

	(void)state;
	assert_true(permission_possible(&file, 10, 99, R_OK));
	assert_false(permission_possible(&file, 10, 20, W_OK));
}

static void
the_groups_bits_are_the_groups(void **state)
{
	struct stat file = file_of(0707);

	(void)state;
	assert_false(permission_possible(&file, 11, 20, R_OK));
}

/* Which groups a user is in besides is not known here: what one of them may is not refused. */
static void
a_strangers_groups_get_the_benefit_of_doubt(void **state)
{
	struct stat file = file_of(0740), split = file_of(0742);

	(void)state;
	assert_true(permission_possible(&file, 11, 99, R_OK));
	assert_false(permission_possible(&file, 11, 99, W_OK));
	/* But it is in the group or it is not. */
	assert_true(permission_possible(&split, 11, 99, W_OK));
	assert_false(permission_possible(&split, 11, 99, R_OK | W_OK));
}

static void
root_runs_only_programs(void **state)
{
	struct stat file = file_of(0600), program = file_of(0610), folder = file_of(0);

	(void)state;
	folder.st_mode = S_IFDIR;
	assert_true(permission_possible(&file, 0, 0, R_OK | W_OK));
	assert_false(permission_possible(&file, 0, 0, X_OK));
	assert_true(permission_possible(&program, 0, 0, X_OK));
	assert_true(permission_possible(&folder, 0, 0, X_OK));
}

static void
a_sticky_folder_protects_its_entries(void **state)
{
	struct stat folder = {.st_mode = S_IFDIR | S_ISVTX | 0777, .st_uid = 30};
	struct stat entry = file_of(0666);

	(void)state;
	assert_true(permission_to_remove(&folder, &entry, 0));
	assert_true(permission_to_remove(&folder, &entry, 10));
	assert_true(permission_to_remove(&folder, &entry, 30));
	assert_false(permission_to_remove(&folder, &entry, 11));
	folder.st_mode &= ~(mode_t)S_ISVTX;
	assert_true(permission_to_remove(&folder, &entry, 11));
}

static void
others_may_only_clear_set_id(void **state)
{
	struct stat file = file_of(06755);

	(void)state;
	assert_true(permission_to_set_mode(&file, 10, 0600));
	assert_true(permission_to_set_mode(&file, 11, 0755));
	assert_true(permission_to_set_mode(&file, 11, 02755));
	assert_false(permission_to_set_mode(&file, 11, 06754));
	file = file_of(0755);
	assert_false(permission_to_set_mode(&file, 11, 04755));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(the_owners_bits_are_the_owners),
			cmocka_unit_test(the_groups_bits_are_the_groups),
			cmocka_unit_test(a_strangers_groups_get_the_benefit_of_doubt),
			cmocka_unit_test(root_runs_only_programs),
			cmocka_unit_test(a_sticky_folder_protects_its_entries),
			cmocka_unit_test(others_may_only_clear_set_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
