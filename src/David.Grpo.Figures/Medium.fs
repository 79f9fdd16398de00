namespace David.Grpo.Figures

/// Where a figure is looked at. The same figure suits them all.
[<RequireQualifiedAccess>]
type Medium =
    /// A page on a screen, light or dark as its reader prefers; light where nobody can be asked.
    | Page
    /// A light page, whatever the reader prefers.
    | Light
    /// A dark page or notebook.
    | Dark
    /// A printed paper: black on nothing, serif letters of 7 to 8 pt, thin lines; 8.5 cm or 17 cm wide as the figure is made
    /// for a column or a page. A lone panel has no title, as its caption says what it shows.
    | Paper
    /// A column of a printed paper, 8.5 cm: a figure made for a page gets its panels below each other.
    | PaperColumn
