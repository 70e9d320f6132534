prepare stated as {statement}
