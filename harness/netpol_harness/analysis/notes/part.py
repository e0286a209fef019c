"""A part of a policy that selects something, or nothing. Pure."""

from dataclasses import dataclass

from netpol_harness.analysis.notes.note import Note


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a policy, and the note that it matches nothing; the note has no text if it matches something."""

    note: Note

    @property
    def is_inert(self) -> bool:
        """Whether it matches nothing."""
        return bool(self.note.text)
