"""What happens in the demo, in its order, and when it has failed.

The cluster is asked over HTTP alone, as any user would; nothing is taken for granted that an agent
does not say itself. Whatever differs from the expectation, or is not reached before the time is
up, is a `DemoError`.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType

from node.demo import workload
from node.demo.cluster import Agent, Cluster, DemoError, View
from node.demo.screen import LiveScreen, Screen, time_table, traffic_table
from node.errors import NodeError

NAMES = ("n1", "n2", "n3", "n4", "n5")
SECONDS_MAX = 90.0
POLL_SECONDS = 0.05


def run(*, keep: bool) -> int:
    """Run the demo; 0 when everything came out as it has to."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    cluster = Cluster(NAMES)
    pool = ThreadPoolExecutor(len(NAMES))
    logs = f"look at the agents' logs in {cluster.directory}"
    finished = failed = False
    try:
        with LiveScreen() if sys.stdout.isatty() else Screen() as screen:
            Story(cluster, screen, pool).tell()
        finished = True
    except NodeError as error:
        failed = True
        why = cluster.deaths() or error.why
        raise DemoError(f"the demo failed: {error.what}", why=why, remedy=logs) from None
    finally:
        if not (keep and finished):
            cluster.close(keep_logs=failed)
        pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, before)
    if keep:
        print(how_to_talk(cluster))
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def how_to_talk(cluster: Cluster) -> str:
    """What to type while the agents go on running."""
    first = cluster.agents[0]
    pids = " ".join(str(agent.pid) for agent in cluster.agents)
    return f"""
The agents go on running:
{chr(10).join(f"  {agent.name}  {agent.http}" for agent in cluster.agents)}
Talk to one of them:
  export COTERIE_AGENT={first.http}
  coterie members
  coterie counter increment visits
  coterie map get settings
End them and, once they have left, remove their data:
  kill {pids}
  rm -r {cluster.directory}"""


class Story:
    """The demo over one cluster. ``times`` and ``expected`` grow as it is told."""

    def __init__(self, cluster: Cluster, screen: Screen, pool: ThreadPoolExecutor) -> None:
        self.cluster = cluster
        self.screen = screen
        self.pool = pool
        self.agents = cluster.agents
        self.expected = workload.Expected()
        self.times: list[tuple[str, float]] = []
        self.deadline = time.monotonic() + SECONDS_MAX

    def tell(self) -> None:
        """Everything, from the first process to the last comparison."""
        self.join()
        self.load()
        self.lose_one()
        self.bring_it_back()
        self.cut_and_heal()
        self.compare()

    def join(self) -> None:
        """Start one agent, and four that know nothing but its address."""
        seed, *others = self.agents
        self.screen.step(f"starting five agents; {seed.name} is the one that the others call")
        seed.start(join=[])
        self.until("the first agent is ready", seed.is_ready)
        began = time.monotonic()
        for agent in others:
            agent.start(join=[seed.gossip])
        for agent in others:
            self.until(f"{agent.name} is ready", agent.is_ready)
        self.until_all_agree()
        self.took("four agents started and joined", began)

    def load(self) -> None:
        """Write real data through all agents at once."""
        packages = list(workload.installed_packages().items())
        words = workload.readme_words()
        self.screen.step(
            f"writing {len(packages)} packages, {len(words)} words of the README and a set of "
            "comings and goings, through all five at once"
        )

        def write(index: int, agent: Agent) -> None:
            share = slice(index, None, len(self.agents))
            workload.put_packages(agent.client, dict(packages[share]), self.expected)
            workload.count_words(agent.client, words[share], self.expected)
            workload.come_and_go(agent.client, agent.name, self.expected)

        began = time.monotonic()
        self.at_once(self.agents, write)
        self.took("everything written", began)
        self.until_all_agree()
        self.took("written and equal everywhere", began)

    def lose_one(self) -> None:
        """Kill the agent that all others joined through, and go on without it."""
        victim, *others = self.agents
        self.screen.step(f"killing {victim.name} (SIGKILL)")
        began = time.monotonic()
        victim.kill()
        self.until_all_see("failed", [victim], among=others)
        self.took(f"the other four say that {victim.name} failed", began)
        self.screen.step("writing more without it")

        def write(index: int, agent: Agent) -> None:
            workload.increment(agent.client, "written-without-it", index + 1, self.expected)
            workload.put(agent.client, f"written-by-{agent.name}", [index, None], self.expected)
            workload.remove(agent.client, f"{victim.name}/{3 * index}", self.expected)

        self.at_once(others, write)
        workload.put(others[0].client, "theme", "plain", self.expected)
        workload.put(others[0].client, "motd", "welcome", self.expected)

    def bring_it_back(self) -> None:
        """Restart the killed agent through another one; it has to catch up."""
        victim, *others = self.agents
        self.screen.step(f"restarting {victim.name}")
        began = time.monotonic()
        victim.start(join=[others[-1].gossip])
        self.until(f"{victim.name} is ready again", victim.is_ready)
        self.until_all_agree()
        self.took(f"{victim.name} restarted, rejoined and caught up", began)

    def cut_and_heal(self) -> None:
        """Cut the cluster, write against each other on both sides, and put it together again."""
        left, right = self.agents[:2], self.agents[2:]
        names = " and ".join("+".join(agent.name for agent in side) for side in (left, right))
        self.screen.step(f"cutting the cluster in {names}")
        began = time.monotonic()
        self.cluster.cut(left)
        self.until_all_see("failed", right, among=left)
        self.until_all_see("failed", left, among=right)
        self.took("both sides say that the other failed", began)
        self.screen.step("writing on both sides")
        self.write_against_each_other(left, right)
        self.screen.step("healing the cut")
        began = time.monotonic()
        self.cluster.heal()
        self.until_all_agree()
        self.took("healed: five views and five digests agree", began)

    def write_against_each_other(self, left: Sequence[Agent], right: Sequence[Agent]) -> None:
        """Writes in conflict, each with one certain outcome."""
        expected = self.expected

        def count(index: int, agent: Agent) -> None:
            workload.increment(agent.client, "written-while-cut", 10 + index, expected)
            workload.add(agent.client, f"{agent.name}/while-cut", expected)

        self.at_once(self.agents, count)
        contested = f"{right[0].name}/0"
        workload.remove(left[0].client, contested, expected)
        workload.add(right[0].client, contested, expected)  # an add wins over a concurrent remove
        workload.put(left[0].client, "theme", "dark", expected)
        workload.put(right[0].client, "theme", "light", expected)  # the later put wins
        workload.put(left[1].client, "motd", "gone in a moment", expected)
        workload.delete(right[1].client, "motd", expected)  # a delete is a write like any other

    def compare(self) -> None:
        """Compare what every agent holds with the expectation, and show the figures."""
        total = len(self.expected.counters())
        self.screen.step(f"comparing everything, {total} counters included, at every agent")
        began = time.monotonic()
        self.at_once(
            self.agents, lambda _, agent: workload.check(agent.client, agent.name, self.expected)
        )
        self.took("compared: everything is as it has to be", began)
        views = self.cluster.views()
        if time.monotonic() > self.deadline:
            raise DemoError(f"the demo took longer than {SECONDS_MAX:g} s")
        self.screen.show(views)
        self.screen.tables(time_table(self.times), traffic_table(views))

    def took(self, what: str, began: float) -> None:
        """Note and say how long something took."""
        seconds = time.monotonic() - began
        self.times.append((what, seconds))
        self.screen.step(f"{what} ({seconds:.2f} s)")

    def at_once(self, agents: Sequence[Agent], action: Callable[[int, Agent], None]) -> None:
        """Do something at several agents at the same time, one thread each."""
        futures = [self.pool.submit(action, index, agent) for index, agent in enumerate(agents)]
        while wait(futures, POLL_SECONDS).not_done:
            self.screen.show(self.cluster.views())
        for future in futures:
            future.result()

    def until_all_see(
        self, state: str, subjects: Sequence[Agent], among: Sequence[Agent] | None = None
    ) -> None:
        """Wait until all agents, or those ``among`` them, see all subjects in a state."""
        among = self.agents if among is None else among

        def holds(views: dict[str, View | None]) -> bool:
            seen = [views[agent.name] for agent in among]
            return all(
                view is not None and all(view.states.get(s.name) == state for s in subjects)
                for view in seen
            )

        names = ", ".join(agent.name for agent in subjects)
        self.until_views(f"everyone sees {names} {state}", holds)

    def until_all_agree(self) -> None:
        """Wait until every agent sees exactly all agents alive and all digests are equal."""
        everyone = {agent.name: "alive" for agent in self.agents}

        def holds(views: dict[str, View | None]) -> bool:
            seen = [view for view in views.values() if view is not None and view.states == everyone]
            return len(seen) == len(self.agents) and len({view.digest for view in seen}) == 1

        self.until_views("all views and all digests agree", holds)

    def until_views(self, what: str, holds: Callable[[dict[str, View | None]], bool]) -> None:
        """Wait for something about what the agents see, and show it meanwhile."""

        def look() -> bool:
            views = self.cluster.views()
            self.screen.show(views)
            return holds(views)

        self.until(what, look)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until it holds, at most until the time is up."""
        while not holds():
            if time.monotonic() > self.deadline:
                raise DemoError(f"not reached within {SECONDS_MAX:g} s: {what}")
            time.sleep(POLL_SECONDS)
