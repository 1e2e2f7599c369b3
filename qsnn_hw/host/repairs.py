"""How long the driver waits, and what it mended meanwhile."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long the driver waits, in seconds.

    Parameters
    ----------
    silence_s
        Without a byte from the board while one is due, before it is asked again; doubles until it takes
        something. Longer of a board that took long for its first answer, as a simulation may.
    silences
        So many in a row before a new session is tried.
    begin_s
        For the answer to the beginning of a session.
    gone_s
        For a port that vanished to come back.
    stuck_s
        Without any progress, before giving up.
    """

    silence_s: float = 0.3
    silences: int = 4
    begin_s: float = 10.0
    gone_s: float = 5.0
    stuck_s: float = 60.0


@dataclass
class Repairs:
    """What went wrong on the line and was mended."""

    damaged: int = 0
    timeouts: int = 0
    repeated: int = 0
    sessions: int = 0
    reconnects: int = 0

    def text(self) -> str:
        """In words; empty where nothing went wrong."""
        told = [
            (self.damaged, "damaged frames"),
            (self.timeouts, "time-outs"),
            (self.repeated, "samples sent again"),
            (self.sessions, "new sessions"),
            (self.reconnects, "reconnections"),
        ]
        return ", ".join(f"{count:,} {what}" for count, what in told if count)
