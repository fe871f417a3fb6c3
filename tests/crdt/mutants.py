"""Ways to get it wrong, as changes of the real code, each with the test of ours that notices.

A suite that passes says little until it is known what it would not let pass. The tests named here
run as they are, on their own examples; `make mutants` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, settings

from crdt import CrdtError
from tests.crdt import broken_kernel as kernel
from tests.crdt import broken_types as types
from tests.crdt import (
    test_bounded,
    test_clock,
    test_codec,
    test_codec_writing,
    test_context,
    test_counter,
    test_durability,
    test_flag,
    test_kernel,
    test_lwwmap,
    test_order,
    test_ormap,
    test_orset,
    test_registers,
    test_store,
    test_sync_model,
)

SETTINGS = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps the settings of a test; without it, what follows would just be slower."""


@dataclass(frozen=True)
class Mutant:
    """One broken rule, and the check that it does not survive."""

    breaks: Callable[[pytest.MonkeyPatch], None]
    caught_by: Callable[..., None]
    arguments: tuple[Any, ...] = ()
    """What the check is parametrised with."""

    def __repr__(self) -> str:
        return self.breaks.__name__

    @property
    def check(self) -> str:
        """The name of the check."""
        module = self.caught_by.__module__.rpartition(".")[2]
        arguments = "".join(f"[{argument!r:.20}]" for argument in self.arguments)
        return f"{module}.{self.caught_by.__name__}{arguments}"

    def is_caught(self) -> bool:
        """Whether the check fails with the rule broken, as a test fails: not by a crash."""
        with pytest.MonkeyPatch.context() as patch:
            if usual := getattr(self.caught_by, SETTINGS, None):
                patch.setattr(self.caught_by, SETTINGS, _first_failure(usual))
            self.breaks(patch)
            try:
                self.caught_by(*self.arguments)
            except (AssertionError, CrdtError, pytest.fail.Exception):
                return True
        return False


def _first_failure(usual: settings) -> settings:
    """The same examples, to the first that fails: the smallest one is not needed."""
    phases = [phase for phase in usual.phases if phase is not Phase.shrink]
    return settings(usual, phases=phases, report_multiple_bugs=False)


CONVERGES = test_sync_model.test_stores_converge_to_the_live_dots

MUTANTS: list[Mutant] = [
    # How replicas talk; the first three are the broken variants of the executable specification.
    Mutant(kernel.advances_to_the_senders_context, CONVERGES),
    Mutant(kernel.remembers_no_extra_context, CONVERGES),
    Mutant(kernel.closes_events_apart_from_their_keys, CONVERGES),
    Mutant(kernel.says_nothing_of_its_context, CONVERGES),
    Mutant(kernel.forgets_extra_context_early, CONVERGES),
    Mutant(
        kernel.keeps_its_extra_context_to_itself,
        test_sync_model.test_a_leaf_goes_on_with_what_is_known_ahead,
    ),
    Mutant(kernel.takes_dots_it_saw_die, CONVERGES),
    Mutant(kernel.removes_what_it_has_not_seen, CONVERGES),
    Mutant(kernel.removes_without_an_event, CONVERGES),
    Mutant(
        kernel.leaves_the_writes_of_a_leaf_open,
        test_store.test_a_leaf_closes_every_write_that_lives_in_it,
    ),
    Mutant(
        kernel.saves_no_extra_context,
        test_durability.test_what_a_leaf_knows_ahead_survives_a_crash,
    ),
    Mutant(kernel.digests_only_what_lives, test_store.test_equal_digests_are_equal_states),
    # The context, the join, the order.
    Mutant(
        kernel.takes_gaps_for_seen,
        test_context.test_gaps_close_in_whatever_order_events_come,
    ),
    Mutant(kernel.shares_its_copies, test_context.test_a_copy_goes_its_own_way),
    Mutant(
        kernel.gives_a_dot_twice, test_kernel.test_a_replica_that_is_read_again_goes_on_counting
    ),
    Mutant(
        kernel.says_nothing_in_deltas_of_its_context,
        test_orset.test_a_removal_that_overtakes_the_add_buries_it,
    ),
    Mutant(kernel.forgets_keys_that_were_written, test_order.test_it_shows_what_sorting_would_show),
    Mutant(
        kernel.encodes_in_the_order_of_events,
        test_codec_writing.test_equal_states_have_equal_bytes_whoever_came_first,
    ),
    Mutant(
        kernel.believes_in_writes_that_were_not_seen,
        test_codec.test_each_part_is_validated,
        (test_codec.with_part(3, new=[0, 1, 4]),),
    ),
    # What the types mean.
    Mutant(
        types.drops_the_losing_sibling,
        test_kernel.test_a_delete_that_saw_one_of_two_concurrent_writes_leaves_the_other,
    ),
    Mutant(
        types.lets_arrival_decide_between_equal_stamps,
        test_lwwmap.test_the_later_stamp_wins_and_then_the_greater_name,
    ),
    Mutant(types.deletes_without_a_trace, test_lwwmap.test_a_delete_is_a_write_like_any_other),
    Mutant(
        types.resets_without_a_baseline,
        test_counter.test_a_reset_takes_what_it_saw_and_concurrent_changes_survive,
    ),
    Mutant(
        types.sums_concurrent_baselines,
        test_counter.test_two_resets_at_once_subtract_nothing_twice,
    ),
    Mutant(
        types.sums_concurrent_parts,
        test_counter.test_a_reset_takes_what_it_saw_and_concurrent_changes_survive,
    ),
    Mutant(types.lets_removals_win, test_orset.test_an_add_survives_a_concurrent_remove),
    Mutant(types.lets_disabling_win, test_flag.test_enabling_survives_a_concurrent_disabling),
    Mutant(
        types.deletes_only_the_first_level,
        test_ormap.test_a_delete_takes_what_it_has_seen_at_every_depth,
        ("register",),
    ),
    Mutant(
        types.spends_without_rights, test_bounded.test_a_partition_cannot_sell_more_than_there_is
    ),
    Mutant(types.hands_on_and_keeps, test_bounded.test_rights_are_handed_on),
    Mutant(
        types.shows_one_of_the_concurrent_values,
        test_registers.test_concurrent_values_are_kept_until_the_next_write,
    ),
    Mutant(
        types.follows_any_clock,
        test_clock.test_others_move_the_clock_within_the_drift_allowed,
    ),
    Mutant(
        types.stamps_with_the_wall_clock, test_clock.test_a_write_is_later_than_what_it_replaces
    ),
]
