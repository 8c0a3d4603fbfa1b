"""How what a tool answered is shown: as text, as JSON, as a table.

Content is data of a stranger. Text stays text: nothing in it becomes markup, a link
or a picture of somebody else's; what cannot be seen is made visible.

    progress  how far a call is
    shown     the whole result, cut to what a page bears
    parts     each piece of content: text, picture, file, address
    files     which bytes are a picture, and what may be offered as a file
    tables    structured content that reads best as a table
    sizes     durations and amounts in words
    failures  why there is no result
"""

from connectors.results.failures import Failure, failure_of, unanticipated
from connectors.results.progress import Progress
from connectors.results.shown import Shown, show

__all__ = ["Failure", "Progress", "Shown", "failure_of", "show", "unanticipated"]
