create database {name} template {template} strategy file_copy
