alter database {unfinished} rename to {template}
