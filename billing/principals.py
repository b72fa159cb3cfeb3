"""Who acts, and what their role may decide."""

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "support", "lead", "finance", "founder"]

# Finance stands beside lead: it sees as much, and approves no refunds.
_RANK: dict[Role, int] = {"viewer": 0, "support": 1, "lead": 2, "finance": 2, "founder": 3}
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Principal:
    """A person, or the service itself, in one role."""

    name: str
    role: Role

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"

    def ranks_at_least(self, role: Role) -> bool:
        """Whether this one's role stands as high as the other, or higher."""
        return _RANK[self.role] >= _RANK[role]


def principal_of(text: str) -> Principal:
    """The principal that `str` wrote down as `name (role)`; a viewer where it is none."""
    name, _, rest = text.rpartition(" (")
    role = next((known for known in ROLES if rest == f"{known})"), None)
    return Principal(text, "viewer") if role is None else Principal(name, role)


SYSTEM = Principal("metering", "founder")
OPERATOR = Principal("command line", "founder")
