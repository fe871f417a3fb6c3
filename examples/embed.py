"""Three members in one program: python examples/embed.py"""

import trio

from node import Config, Node

SECRET = "only for this example"


def config(number: int, join: list[str]) -> Config:
    """A member on any free port of this machine."""
    return Config(name=f"web-{number}", bind="127.0.0.1:0", join=join, secret=SECRET)


async def main() -> None:
    """Write at each of three members, and read everything at the last."""
    async with Node(config(1, [])) as one:
        seed = [str(one.address)]
        async with Node(config(2, seed)) as two, Node(config(3, seed)) as three:
            one.counter("visits").increment()
            two.set("online").add("alice")
            three.map("config")["theme"] = "dark"
            async for change in three.watch():
                print(change)
                if three.counter("visits").value == 1 and "alice" in three.set("online"):
                    break
            print([f"{member.name} is {member.state}" for member in three.members()])


if __name__ == "__main__":
    trio.run(main)
