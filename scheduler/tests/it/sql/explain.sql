explain (format json) execute stated {arguments}
