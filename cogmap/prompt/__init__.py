"""Messages for vision-language models: parts, a budget, and the shapes that providers take."""
