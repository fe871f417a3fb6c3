"""Ways to get it wrong, as changes of the real code; the simulator has to notice each in a sweep.

A simulator that finds nothing may have nothing to find. Every mutant here breaks one rule of
`gossip` or `crdt`; `caught` plays the plans of `coterie sim sweep`, one seed after the other, until
an invariant is broken. A mutant that survives `SEEDS` of them is a bug of the simulator. What
`sabotage` plants for canaries is here too, and has to be found without its occasion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pytest

from sim import sabotage
from sim.runner import play
from sim.swarm import draw
from tests.sim import broken_data as data
from tests.sim import broken_gossip as gossip
from tests.sim import broken_speech as speech

SEEDS = 300
"""Within how many seeds each has to be caught."""


@dataclass(frozen=True)
class Mutant:
    """One broken rule."""

    breaks: Callable[[Any], None]

    def __repr__(self) -> str:
        return self.breaks.__name__

    def caught(self, seeds: int = SEEDS) -> Caught | None:
        """Where it was noticed first; None when it survives."""
        began = perf_counter()
        with pytest.MonkeyPatch.context() as patch:
            self.breaks(patch)
            for seed in range(seeds):
                violations = play(draw(seed)).violations
                if violations:
                    found = violations[0]
                    return Caught(found.invariant, seed, found.time, perf_counter() - began)
        return None


@dataclass(frozen=True)
class Caught:
    """How a mutant was noticed."""

    invariant: str
    seed: int
    time: float
    """The virtual second of that run."""
    wall_seconds: float
    """The time of the sweep until then."""


MUTANTS = tuple(
    Mutant(breaks)
    for breaks in (
        gossip.no_refutation,
        gossip.refutes_as_before,
        gossip.foreign_incarnation,
        gossip.nobody_is_called_again,
        gossip.suspects_for_ever,
        gossip.the_same_is_probed,
        gossip.news_for_ever,
        gossip.no_new_epoch,
        gossip.one_boot_of_nonces,
        gossip.opens_what_was_altered,
        gossip.never_pulls,
        gossip.does_not_save_data,
        gossip.one_replica_for_all_boots,
        gossip.dead_are_news,
        gossip.believes_any_accuser,
        gossip.believes_any_record,
        gossip.counts_accusers_twice,
        gossip.one_refusal_is_a_verdict,
        gossip.believes_one_verdict,
        gossip.late_verdicts_count,
        gossip.nacks_are_ignored,
        gossip.nacks_are_not_sent,
        gossip.joining_is_told_twice,
        gossip.recovery_is_not_told,
        gossip.leaving_is_told_as_failure,
        gossip.new_tags_are_not_told,
        gossip.forgets_the_dead_at_once,
        gossip.the_quorum_view_stays,
        speech.events_come_twice,
        speech.events_in_no_order,
        speech.losses_are_not_told,
        speech.nothing_is_repaired,
        speech.other_words,
        speech.everybody_is_asked,
        speech.answers_count_twice,
        speech.answers_after_the_end,
        speech.one_answer_is_enough,
        speech.leaves_without_a_word,
        speech.goodbyes_are_not_answered,
        speech.forced_leave_gives_way,
        speech.anybody_can_be_made_to_leave,
        speech.tags_without_a_new_incarnation,
        speech.epochs_are_not_compared,
        speech.blames_a_boot_for_the_last_one,
        speech.forgets_the_last_word,
        data.removals_are_not_told,
        data.removals_are_not_heard,
        data.dead_writes_return,
        data.knows_nothing_ahead,
        data.sees_all_that_it_hears_of,
        data.leaves_are_not_saved,
        data.decrements_do_not_count,
        data.discards_nothing,
        data.spends_the_rights_of_others,
        data.resets_remember_nothing,
        data.keeps_one_of_concurrent_writes,
        data.digest_forgets_removals,
        data.misses_the_last_key,
        sabotage.stale_claim,
        sabotage.second_life,
        sabotage.lying_ack,
        sabotage.hoarder,
        sabotage.lost_write,
        sabotage.false_receipt,
        sabotage.dot_twice,
        sabotage.blind_digest,
        sabotage.miscount,
        sabotage.plaintext,
    )
)
