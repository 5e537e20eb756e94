"""The records that flow down the line: frozen, checked when made, without behaviour."""
