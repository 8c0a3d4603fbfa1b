"""Make the tree of fields of a schema.

A form has a bounded number of fields: what is deeper, wider or longer becomes one
JSON editor, and so does a value that its control could not give back exactly.
"""

from collections.abc import Sequence
from dataclasses import replace

from connectors.schema_form.document import Document
from connectors.schema_form.fields import Field, Place
from connectors.schema_form.fitting import Fitting
from connectors.schema_form.leaves import drawn, json_editor, leaf
from connectors.schema_form.parts import (
    is_nameable,
    is_there,
    left_out,
    meant_by,
    others,
)
from connectors.schema_form.posted import ROOT, name_of, variant_of
from connectors.schema_form.shapes import Option, Schema, Shape, option
from connectors.schema_form.sources import (
    FRESH,
    Given,
    Posted,
    Source,
    Unset,
    of_key,
    posted,
    rows_of,
)
from connectors.schema_form.words import variant_label

MAX_FIELDS = 200
# Rows may be added until they are sent; what is sent beyond this is a forgery.
MAX_POSTED_FIELDS = 1000
MAX_OPTIONS = 2000
MAX_DEPTH = 6
MAX_ROWS = 100
ROOT_PLACE = Place(path=(), name=ROOT, is_required=True, key="Arguments")


class Builder:
    """Makes one form."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._document = Document(schema)
        self._fitting = Fitting(self._document)
        # Those that were made, and those that their parents are about to make.
        self._fields = 1
        self._options = 0
        # Whether something that was sent had no place.
        self.is_cut = False

    def root(self, source: Source) -> Field:
        """Make the field of all the arguments."""
        field = self._field(self._schema, ROOT_PLACE, source)
        if field.kind in {"object", "union"} or (field.kind == "json" and field.value):
            return field
        return json_editor(Shape(kind="object"), ROOT_PLACE, source)

    def _field(self, schema: Schema, place: Place, source: Source) -> Field:
        shape = self._document.shape(schema)
        origin = source
        if isinstance(source, Unset) and source.is_fresh:
            source = self._default(schema, shape, place, source)
        is_json = isinstance(source, Posted) and "json" in source.node.marks
        field = None if is_json else self._formed(shape, place, source)
        if field is None:
            field = json_editor(shape, place, source)
        if isinstance(origin, Unset) and origin.is_included:
            return field.focused()
        has_focus = isinstance(origin, Posted) and origin.node.has_focus
        return replace(field, has_focus=True) if has_focus else field

    def _default(
        self, schema: Schema, shape: Shape, place: Place, source: Source
    ) -> Source:
        """Return the schema's default as what is given, if it can be meant."""
        value = shape.keywords.get("default")
        is_nothing = value is None or value in ("", [], {})
        if is_nothing and (not place.is_required or "default" not in shape.keywords):
            return source
        return Given(value) if self._fitting.fits(schema, value) else source

    def _formed(self, shape: Shape, place: Place, source: Source) -> Field | None:
        """Make the field with its controls; None if it has to be JSON."""
        match shape.kind:
            case "any":
                return None
            case "object":
                return self._object(shape, place, source)
            case "array":
                return self._array(shape, place, source)
            case "union":
                return self._union(shape, place, source)
        self._options += len(shape.options)
        return leaf(shape, place, source) if self._options <= MAX_OPTIONS else None

    # --- Objects -------------------------------------------------------------

    def _object(self, shape: Shape, place: Place, source: Source) -> Field | None:
        if shape.is_map and place.depth:
            return None
        if isinstance(source, Given) and not isinstance(source.value, dict):
            return left_out("object", shape, place, source.value)
        has_names = all(map(is_nameable, shape.properties))
        if not has_names or not self._has_room(place, source, len(shape.properties)):
            return None
        if not is_there(source) and (shape.is_nullable or not place.is_required):
            return drawn(
                "object", shape, place, is_present=False, meant=meant_by(source)
            )
        children = self._properties(shape, place, source)
        more = others(shape, place, source)
        if more is not None:
            self._fields += 1
            children = (*children, more)
        return drawn("object", shape, place, children=children)

    def _properties(
        self, shape: Shape, place: Place, source: Source
    ) -> tuple[Field, ...]:
        children = []
        self._fields += len(shape.properties)
        for key, schema in shape.properties.items():
            below = Place(
                path=(*place.path, key),
                name=name_of(place.name, key),
                key=key,
                is_required=key in shape.required,
                depth=place.depth + 1,
            )
            children.append(self._field(schema, below, of_key(source, key)))
        return tuple(children)

    # --- Lists ---------------------------------------------------------------

    def _array(self, shape: Shape, place: Place, source: Source) -> Field | None:
        if not shape.prefix and self._document.shape(shape.items).kind == "any":
            return None
        if isinstance(source, Given) and not isinstance(source.value, list):
            return left_out("array", shape, place, source.value)
        rows = rows_of(shape, place, source)
        if rows is None:
            if not self._has_room(place, source, 0):
                return None
            return drawn(
                "array",
                shape,
                place,
                is_present=False,
                can_grow=shape.item(0) is not False,
                meant=meant_by(source),
            )
        has_place = all(shape.item(index) is not False for index in range(len(rows)))
        if not has_place or not self._has_room(place, source, len(rows)):
            return None
        return self._with_rows(shape, place, rows)

    def _with_rows(self, shape: Shape, place: Place, rows: Sequence[Source]) -> Field:
        children: list[Field] = []
        fewest = shape.count("minItems", 0)
        self._fields += len(rows)
        for index, row in enumerate(rows):
            below = Place(
                path=(*place.path, index),
                name=name_of(place.name, index),
                key=index + 1,
                is_required=True,
                depth=place.depth + 1,
            )
            field = self._field(shape.item(index), below, row)
            # Where places have meanings, what follows cannot move up.
            is_free = not shape.prefix or index + 1 == len(rows)
            is_droppable = is_free and len(rows) > fewest
            children.append(replace(field, is_droppable=is_droppable))
        most = min(shape.count("maxItems", MAX_ROWS), MAX_ROWS)
        can_grow = len(rows) < most and self._fields < MAX_FIELDS
        return drawn(
            "array",
            shape,
            place,
            children=tuple(children),
            can_grow=can_grow and shape.item(len(rows)) is not False,
        )

    # --- Alternatives --------------------------------------------------------

    def _union(self, shape: Shape, place: Place, source: Source) -> Field | None:
        if not self._has_room(place, source, 1):
            return None
        options = self._alternatives(shape)
        pick = self._pick(shape, place, source)
        if pick is None:
            return None
        if pick == "null" or not any(pick == one.text for one in options):
            is_null = shape.is_nullable and pick == "null"
            value = pick if is_null else ""
            return drawn("union", shape, place, options=options, value=value)
        return self._picked(shape, place, source, options, int(pick))

    def _pick(self, shape: Shape, place: Place, source: Source) -> str | None:
        """Return which alternative it is, "" for none yet, None for none at all."""
        match source:
            case Given(None) if shape.is_nullable:
                return "null"
            case Given(value):
                index = self._fitting.variant_of(shape, value)
                return None if index is None else str(index)
            case Posted(node):
                return node.marks.get("pick", "")
            case Unset(is_fresh=is_fresh):
                first = "null" if shape.is_nullable else "0"
                return first if is_fresh and place.is_required else ""

    def _alternatives(self, shape: Shape) -> tuple[Option, ...]:
        labels = [
            variant_label(self._document.shape(variant), index)
            for index, variant in enumerate(shape.variants)
        ]
        options = [option(index, label) for index, label in enumerate(labels)]
        if shape.is_nullable:
            options.append(option(None))
        self._options += len(options)
        return tuple(options)

    def _picked(
        self,
        shape: Shape,
        place: Place,
        source: Source,
        options: tuple[Option, ...],
        index: int,
    ) -> Field:
        self._fields += 1
        name = variant_of(place.name, index)
        inner: Source = source
        is_unseen = False
        if isinstance(source, Posted):
            node = source.node.children.get(f"@{index}")
            is_unseen = node is None
            inner = FRESH if node is None else posted(node)
        below = replace(place, name=name, is_required=True, depth=place.depth + 1)
        child = self._field(shape.variants[index], below, inner)
        return drawn(
            "union",
            shape,
            place,
            options=options,
            value=str(index),
            children=(replace(child, label=options[index].label, key_label=""),),
            is_unseen=is_unseen,
        )

    # --- How much ------------------------------------------------------------

    def _has_room(self, place: Place, source: Source, parts: int) -> bool:
        """Tell whether a field may have `parts` more below it."""
        if not isinstance(source, Posted):
            return place.depth < MAX_DEPTH and self._fields + parts <= MAX_FIELDS
        has_room = (
            place.depth <= MAX_DEPTH and self._fields + parts <= MAX_POSTED_FIELDS
        )
        self.is_cut = self.is_cut or not has_room
        return has_room
