package iot

func translate(err error) error { return err }
