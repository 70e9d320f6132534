explain (analyze, costs off, timing off, format json) execute stated ('{run}', {own}, {outside}, {rows})
