from datetime import date

import pytest

from demo.notebook import EXCERPT_CHARACTERS, NoSuchNote, Note, Notebook


@pytest.fixture
def notebook() -> Notebook:
    return Notebook.bundled()


def note(note_id: str, title: str = "Title", body: str = "Text", *tags: str) -> Note:
    return Note(
        id=note_id,
        title=title,
        author="Ada",
        tags=tags,
        updated=date(2026, 1, 1),
        body=body,
    )


def test_the_bundled_notes_are_complete(notebook: Notebook) -> None:
    notes = list(notebook)
    assert len(notebook) == len({one.title for one in notes}) == 25
    assert all(one.id.startswith("N-") for one in notes)
    assert all(one.author and one.tags and len(one.body) > 100 for one in notes)


def test_a_note_is_found_by_its_id_in_any_case(notebook: Notebook) -> None:
    assert notebook.get(" n-118 ").title == "Time zones: three bugs and one rule"
    with pytest.raises(NoSuchNote):
        notebook.get("N-999")


def test_a_deleted_note_is_gone_from_this_notebook_only(notebook: Notebook) -> None:
    assert notebook.delete("N-101").id == "N-101"
    with pytest.raises(NoSuchNote):
        notebook.get("N-101")
    assert len(notebook) == 24
    assert len(Notebook.bundled()) == 25


def test_every_word_has_to_be_there(notebook: Notebook) -> None:
    found = {hit.note.id for hit in notebook.search("waiting list gap")}
    assert "N-105" in found
    assert notebook.search("waiting zeppelin") == []


def test_a_word_finds_what_begins_with_it_and_not_what_contains_it() -> None:
    notes = (note("N-1", body="Two no-shows."), note("N-2", body="I know; casino."))
    found = Notebook({one.id: one for one in notes}).search("No-show")
    assert [hit.note.id for hit in found] == ["N-1"]


def test_a_title_counts_more_than_a_text() -> None:
    notes = (
        note("N-1", body="price and price"),
        note("N-2", title="Price"),
        note("N-3", "Other", "price", "price"),
    )
    found = Notebook({one.id: one for one in notes}).search("price")
    assert [hit.note.id for hit in found] == ["N-2", "N-3", "N-1"]


def test_a_question_finds_notes_with_some_of_its_words(notebook: Notebook) -> None:
    found = notebook.search("What changed in the notes about reminders last week?")
    assert found
    assert "reminder" in found[0].note.title.casefold() + found[0].note.body.casefold()
    assert notebook.search("Who was it that did this to you?") == []


def test_who_asks_what_changed_is_shown_the_newest_notes(notebook: Notebook) -> None:
    found = notebook.search("What changed in the notes last week?")
    dates = [hit.note.updated for hit in found]
    assert dates == sorted((note.updated for note in notebook), reverse=True)
    assert all(hit.excerpt for hit in found)


def test_a_search_can_be_narrowed_to_a_tag(notebook: Notebook) -> None:
    found = notebook.search("reminders", tag="Incident")
    assert [hit.note.id for hit in found] == ["N-107"]


def test_an_excerpt_shows_the_place_that_was_found(notebook: Notebook) -> None:
    (hit,) = notebook.search("zone offset")
    assert "offset" in hit.excerpt
    long = note("N-1", body="word " * 200 + "needle " + "word " * 200)
    (found,) = Notebook({"N-1": long}).search("needle")
    assert "needle" in found.excerpt
    assert found.excerpt.startswith("… word")
    assert found.excerpt.endswith("word …")
    assert len(found.excerpt) <= EXCERPT_CHARACTERS + 4


def test_tags_and_authors_are_counted(notebook: Notebook) -> None:
    assert notebook.tags()["reminders"] == 3
    assert sum(notebook.authors().values()) == 25
